"""Drawn stripes, and networks with known weights that read them, or something else."""

import dataclasses
import types

import keras
import numpy as np

from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.loss_matrix.scores import score
from kerasnorm.doctor.measure.sample_study import study_samples
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.sampling.splits import Splits
from kerasnorm.doctor.time_limit import TimeLimit
from tests.doctor.checks.test_thresholds import measured

SIDE = 24
HEADS = ("sigmoid", "softmax")


def stripes(seed, samples=320, brightness=0.5, amplitude=0.1):
    """Return images of upright (class 1) or level stripes, and their classes.

    Args:
        seed: Decides everything random.
        samples: Number of images.
        brightness: Mean of each image, one for all or a function of the classes.
        amplitude: Contrast of the stripes likewise.
    """
    generator = np.random.default_rng(seed)
    y = np.arange(samples) % 2
    wave = np.where(np.arange(SIDE) % 2, 1.0, -1.0)
    upright = np.broadcast_to(wave, (SIDE, SIDE))
    signs = np.where(y[:, None, None] == 1, upright, upright.T)

    def of(value):
        value = value(y, generator) if callable(value) else value
        return np.broadcast_to(value, samples)[:, None, None]

    images = of(brightness) + of(amplitude) * signs
    images = images[..., None] + generator.normal(0, 0.03, (samples, SIDE, SIDE, 3))
    return np.clip(images, 0, 1).astype("float32"), y.astype("float32")


def by_class(first, second, spread=0.02):
    """Return a value for each class, and a little of its own for each image."""
    return lambda y, g: np.where(y == 1, second, first) + g.normal(0, spread, len(y))


def stripe_reader(head, threshold=0.0):
    """Return a network that tells the stripes, and sees nothing below a brightness.

    With a sigmoid there is a batch norm inside, with a softmax there is none.
    """
    inputs = keras.Input((SIDE, SIDE, 3))
    gray = keras.layers.Conv2D(1, 1, activation="relu", name="gray")
    edges = keras.layers.Conv2D(4, 2, activation="relu", use_bias=False, name="edges")
    x = edges(gray(inputs))
    if head == "sigmoid":
        x = keras.layers.BatchNormalization(center=False, scale=False, name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = _with_head(inputs, x, head, [8.0, 8.0, -8.0, -8.0])
    gray.set_weights([np.full((1, 1, 3, 1), 1 / 3), np.array([-threshold])])
    kernel = np.zeros((2, 2, 1, 4))
    for number, (rows, columns) in enumerate(((1, 0), (-1, 0), (0, 1), (0, -1))):
        kernel[0, 0, 0, number] = rows + columns
        kernel[0 if rows else 1, 1 if rows else 0, 0, number] = -(rows + columns)
    edges.set_weights([kernel * 4])
    return model


def brightness_reader(head, middle=0.5):
    """Return a network that tells class 1 by brightness alone."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1.0, -middle)(inputs)
    if head == "sigmoid":
        x = keras.layers.BatchNormalization(center=False, scale=False, name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return _with_head(inputs, x, head, [10.0, 10.0, 10.0])


def _with_head(inputs, x, head, weights):
    weights = np.array(weights)[:, None]
    if head == "sigmoid":
        layer, losses = keras.layers.Dense(1, "sigmoid"), "binary_crossentropy"
    else:
        layer, losses = keras.layers.Dense(2, "softmax"), None
        weights = np.concatenate([-weights / 2, weights / 2], axis=1)
    model = keras.Model(inputs, layer(x))
    layer.set_weights([weights, np.zeros(weights.shape[1])])
    model.compile("sgd", losses or "sparse_categorical_crossentropy", jit_compile=False)
    return model


def samples_of(data, size=32):
    x, y = data
    return Samples(x, y, None, (size,) * (len(x) // size), size, len(x) // size)


def studied(model, train, validation):
    """Return what the study of samples measured, without the other probes."""
    splits = Splits(samples_of(train), samples_of(validation))
    scores = {
        cell: score(split, np.asarray(model(split.x)), from_logits=False)
        for cell, split in (("B", splits.train), ("D", splits.validation))
    }
    losses = {cell: found.loss for cell, found in scores.items()}
    means = {cell: float(loss.mean()) for cell, loss in losses.items()}
    m = dataclasses.replace(measured(means, scores=scores), matrix=LossMatrix(losses))
    setup = types.SimpleNamespace(
        model=model,
        splits=splits,
        loss=types.SimpleNamespace(from_logits=False),
        limit=TimeLimit(100),
    )
    return study_samples(setup, m)
