"""Runs a model with batch norms in one mode and everything else in inference mode."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.callbacks.model_walk import stand_in, walk_layers
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.state import without_gradients

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


@dataclass
class Population:
    """Mean and variance of one layer's inputs over all samples, in float64."""

    count: float = 0.0
    mean: Any = 0.0
    squares: Any = field(default=0.0)

    def add(self, count: float, mean: np.ndarray, variance: np.ndarray) -> None:
        """Add one batch: how many values per channel, their mean and variance."""
        if not count:
            return
        total = self.count + count
        difference = mean - self.mean
        self.mean = self.mean + difference * (count / total)
        self.squares = (
            self.squares
            + variance * count
            + difference**2 * (self.count * count / total)
        )
        self.count = total

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and biased variance as float32."""
        variance = self.squares / max(self.count, 1)
        return np.asarray(self.mean, "float32"), np.asarray(variance, "float32")


def input_moments(layer, inputs: Any, mask: Any = None):
    """Return count, mean and variance of each channel of one batch of inputs."""
    x = ops.cast(inputs, "float32")
    axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
    axes = [i for i in range(len(x.shape)) if i != axis % len(x.shape)]
    count = np.prod([x.shape[i] for i in axes], dtype="float64")
    if mask is None:
        mean, variance = ops.moments(x, axes=axes)
    else:
        shape = tuple(mask.shape) + (1,) * (len(x.shape) - len(mask.shape))
        weights = ops.broadcast_to(
            ops.reshape(ops.cast(mask, "float32"), shape), x.shape
        )
        total = ops.maximum(ops.sum(weights, axis=axes), 1.0)
        mean = ops.sum(x * weights, axis=axes) / total
        spread = ops.square(x - ops.reshape(mean, _kept(x, axis))) * weights
        variance = ops.sum(spread, axis=axes) / total
        count = float(np.max(ops.convert_to_numpy(total)))
    return (
        float(count),
        np.asarray(ops.convert_to_numpy(mean), "float64"),
        np.asarray(ops.convert_to_numpy(variance), "float64"),
    )


def _kept(x, axis: int) -> tuple[int, ...]:
    rank = len(x.shape)
    return tuple(x.shape[i] if i == axis % rank else 1 for i in range(rank))


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
    populations = {path: Population() for path in layers}

    def train(original, *args, **kwargs):
        kwargs["training"] = True
        return original(*args[:1], **kwargs)

    def train_and_record(path, layer):
        def call(original, *args, **kwargs):
            inputs = args[0] if args else kwargs["inputs"]
            populations[path].add(*input_moments(layer, inputs, kwargs.get("mask")))
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
    measured = {p: population.result() for p, population in populations.items()}
    return outputs, measured if record else {}


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
