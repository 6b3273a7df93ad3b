"""Trains the classifier of a network alone, on features that are computed once."""

import dataclasses
import time

import keras
import numpy as np

from kerasnorm import callbacks
from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.pretrained.features import Features
from kerasnorm.training.pretrained.start import POOL
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings

EPOCHS, PATIENCE, BATCH_SIZE = 200, 10, 64
LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2
# How much longer a training step takes than the forward pass of a frozen network.
STEP_PER_FORWARD = 3.0


@dataclasses.dataclass(frozen=True)
class HeadResult:
    """How the training of the classifier went.

    Args:
        logs: Losses and accuracies as an epoch has them.
        epochs: Passes over the features.
        best_epoch: The pass whose weights were kept, from 1.
        seconds: How long it took, features included.
        features_per_second: Images whose features were computed in a second.
    """

    logs: dict[str, float]
    epochs: int
    best_epoch: int
    seconds: float
    features_per_second: float

    def seconds_of_an_epoch(self, images: int) -> float:
        """Estimate how long an epoch of the whole network takes.

        Args:
            images: Training images.
        """
        return STEP_PER_FORWARD * images / self.features_per_second


def train_head(
    model: keras.Model,
    settings: Settings,
    data: Data,
    directory: RunDirectory,
) -> HeadResult:
    """Train the layers behind the pooling until validation no longer improves.

    Args:
        model: The compiled network; its classifier is changed in place.
        settings: The run's settings.
        data: The images.
        directory: The run directory, which keeps features over an abort.
    """
    began = time.perf_counter()
    features = Features(model, settings.eval_size, directory.path / "features")
    mirrored = settings.horizontal_flip
    train = features.of(data.train, "train", settings.batch_size, mirrored=mirrored)
    validation = features.of(
        data.validation, "validation", settings.batch_size, mirrored=False
    )
    computed = time.perf_counter() - began
    labels = _one_hot(data.train, settings.label_smoothing)
    views = len(train) // len(labels)
    weights = _class_weights(data.train.labels) if settings.balanced else None
    head = _head_of(model, train.shape[1:])
    stopping = callbacks.EarlyStopping(patience=PATIENCE)
    history = head.fit(
        train,
        np.tile(labels, (views, 1)),
        batch_size=min(BATCH_SIZE, len(train)),
        epochs=EPOCHS,
        sample_weight=None if weights is None else np.tile(weights, views),
        validation_data=(validation, _one_hot(data.validation, 0.0)),
        callbacks=[stopping],
        verbose=0,
    ).history
    for ours, trained in zip(_behind_pool(model), head.layers[1:], strict=True):
        ours.set_weights(trained.get_weights())
    features.discard()
    return HeadResult(
        logs={
            name: float(values[stopping.best_epoch]) for name, values in history.items()
        },
        epochs=stopping.epochs_seen,
        best_epoch=stopping.best_epoch + 1,
        seconds=time.perf_counter() - began,
        features_per_second=(len(train) + len(validation)) / max(computed, 1e-6),
    )


def _one_hot(images: DecodedImages, label_smoothing: float) -> np.ndarray:
    classes = len(images.class_names)
    labels = np.eye(classes, dtype="float32")[np.asarray(images.labels)]
    return labels * (1 - label_smoothing) + label_smoothing / classes


def _class_weights(labels: np.ndarray) -> np.ndarray:
    """Return a weight for each image with which all classes weigh the same."""
    counts = np.bincount(labels)
    return len(labels) / (np.count_nonzero(counts) * counts[labels])


def _head_of(model: keras.Model, shape: tuple[int, ...]) -> keras.Model:
    """Return a compiled copy of the layers behind the pooling."""
    inputs = x = keras.Input(shape)
    for layer in _behind_pool(model):
        x = type(layer).from_config(layer.get_config())(x)
    head = keras.Model(inputs, x)
    for layer, copy in zip(_behind_pool(model), head.layers[1:], strict=True):
        copy.set_weights(layer.get_weights())
    optimizer = keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    head.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    return head


def _behind_pool(model: keras.Model) -> list[keras.layers.Layer]:
    names = [layer.name for layer in model.layers]
    return model.layers[names.index(POOL) + 1 :]
