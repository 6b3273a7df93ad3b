"""Runs a model with batch norms in one mode and everything else in inference mode."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.callbacks import batch_moments
from kerasnorm.callbacks.model_walk import stand_in, walk_layers
from kerasnorm.callbacks.recalibration import without_gradients
from kerasnorm.doctor.samples import Samples

Layers = dict[str, keras.layers.Layer]
#: Moving mean and variance of each layer, by path.
Statistics = dict[str, tuple[np.ndarray, np.ndarray]]

# Below this the cost of a call outweighs that of its samples; evaluation in inference
# mode does not depend on the batch, so small batches are joined.
EVALUATION_BATCH = 64


def batch_norms(model: keras.Model, *, frozen: bool = False) -> Layers:
    """Return the layers with moving statistics, by path.

    Args:
        model: Any Keras model.
        frozen: Whether frozen layers count too. They use their moving statistics in
            training as well, so nothing about them changes with the mode.
    """
    return {
        path: layer
        for path, layer in walk_layers(model)
        if getattr(layer, "moving_mean", None) is not None
        and getattr(layer, "moving_variance", None) is not None
        and (frozen or layer.trainable)
    }


def read_statistics(layers: Layers) -> Statistics:
    """Return copies of the moving statistics."""
    return {
        path: (
            np.array(ops.convert_to_numpy(layer.moving_mean)),
            np.array(ops.convert_to_numpy(layer.moving_variance)),
        )
        for path, layer in layers.items()
    }


def write_statistics(layers: Layers, statistics: Statistics) -> None:
    """Set the moving statistics."""
    for path, (mean, variance) in statistics.items():
        layers[path].moving_mean.assign(mean)
        layers[path].moving_variance.assign(variance)


def evaluate(model: keras.Model, samples: Samples) -> Any:
    """Return the outputs of all samples, everything in inference mode."""
    batches = samples.batches()
    if samples.batch_size < EVALUATION_BATCH // 2:
        edges = np.arange(EVALUATION_BATCH, samples.count, EVALUATION_BATCH)
        batches = np.split(np.arange(samples.count), edges)
    return run(model, samples, batches)


def run_on_batch_statistics(
    model: keras.Model,
    samples: Samples,
    batches: Sequence[np.ndarray],
    *,
    awake: Iterable[keras.layers.Layer] = (),
    record: bool = False,
) -> tuple[Any, Statistics]:
    """Return the outputs with batch norms alone in training mode.

    Args:
        model: The model; its moving statistics are as before afterwards.
        samples: What to run.
        batches: Sample numbers of each batch; every sample occurs once.
        awake: Other layers, such as dropout, to run in training mode too. The states
            of their random generators move on.
        record: Whether to measure the statistics of the norms' inputs. Each norm sees
            inputs that the norms before it normalized with their batch statistics, as
            in training.

    Returns:
        Outputs in the order of the samples, and the measured statistics of the whole
        population (empty unless `record`).

    Reference:
        Wu and Johnson, "Rethinking Batch in BatchNorm", arXiv 2105.07576, section 3.
    """
    layers = batch_norms(model)
    populations = {path: batch_moments.Moments() for path in layers}

    def train(original, *args, **kwargs):
        kwargs["training"] = True
        return original(*args[:1], **kwargs)

    def train_and_record(path, layer):
        def call(original, *args, **kwargs):
            inputs = args[0] if args else kwargs["inputs"]
            wide = ops.cast(inputs, "float32")
            count, *moments = batch_moments.measure(
                wide, layer.axis, kwargs.get("mask")
            )
            populations[path].add(count, *map(ops.convert_to_numpy, moments))
            return train(original, *args, **kwargs)

        return call

    calls: dict = dict.fromkeys(awake, train)
    for path, layer in layers.items():
        calls[layer] = train_and_record(path, layer) if record else train
    saved = read_statistics(layers)
    try:
        with stand_in(calls):
            outputs = run(model, samples, batches)
    finally:
        write_statistics(layers, saved)
    measured: Statistics = {
        path: (seen.mean.astype("float32"), seen.variance.astype("float32"))
        for path, seen in populations.items()
        if seen.count
    }
    return outputs, measured


def run(model: keras.Model, samples: Samples, batches: Sequence[np.ndarray]) -> Any:
    """Return the outputs of batches, put back into the order of the samples."""
    parts = []
    with without_gradients():
        for numbers in batches:
            x, _, _ = samples.take(numbers)
            outputs = model(
                keras.tree.map_structure(ops.convert_to_tensor, x), training=False
            )
            parts.append(keras.tree.map_structure(_as_float32, outputs))
    order = np.argsort(np.concatenate(list(batches)), kind="stable")
    return keras.tree.map_structure(
        lambda *arrays: np.concatenate(arrays)[order], *parts
    )


def _as_float32(tensor) -> np.ndarray:
    array = ops.convert_to_numpy(tensor)
    return np.asarray(array, "float32" if array.dtype.kind != "i" else array.dtype)
