"""Runs a model with batch norms in one mode and everything else in inference mode."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.callbacks import batch_moments
from kerasnorm.callbacks.model_walk import stand_in, walk_layers
from kerasnorm.doctor.forward import call
from kerasnorm.doctor.samples import Samples

Layers = dict[str, keras.layers.Layer]
#: Moving mean and variance of each layer, by path.
Statistics = dict[str, tuple[np.ndarray, np.ndarray]]

# Below this the cost of a call outweighs that of its samples; evaluation in inference
# mode does not depend on the batch, so small batches are joined.
EVALUATION_BATCH = 64


def check_model(model: Any) -> None:
    """Refuse what is no model.

    Args:
        model: What somebody passed as one.

    Raises:
        TypeError: If it is no Keras model.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a Keras model, received {type(model).__name__}")


def build(model: keras.Model, samples: Samples) -> None:
    """Let layers that wait for their first input make their variables.

    Only variables that are there can be saved and restored. A new model keeps its
    first weights.

    Args:
        model: Any Keras model; one that is built stays as it is.
        samples: At least one sample.
    """
    if not model.built or not all(layer.built for _, layer in walk_layers(model)):
        run(model, samples, [np.arange(1)])


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
        and isinstance(getattr(layer, "axis", None), int)
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
    if samples.batch_size < EVALUATION_BATCH:
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
    awake = list(awake)
    populations = {path: batch_moments.Moments() for path in layers}

    def forward(x):
        seen: dict[str, list] = {path: [] for path in layers}
        calls: dict = dict.fromkeys(awake, _train)
        for path, layer in layers.items():
            calls[layer] = _recording(layer, seen[path])
        with stand_in(calls):
            return model(x, training=False), seen

    key = ("batch statistics", *map(id, awake))
    saved = read_statistics(layers)
    try:
        parts = []
        for numbers in batches:
            outputs, seen = call(model, key, forward, samples.take(numbers)[0])
            parts.append(keras.tree.map_structure(_as_float32, outputs))
            for path, moments in seen.items() if record else ():
                for count, mean, variance in moments:
                    populations[path].add(
                        float(_as_float32(count)),
                        _as_float32(mean),
                        _as_float32(variance),
                    )
    finally:
        write_statistics(layers, saved)
    measured: Statistics = {
        path: (seen.mean.astype("float32"), seen.variance.astype("float32"))
        for path, seen in populations.items()
        if seen.count
    }
    return _in_order(parts, batches), measured


def _train(original, *args, **kwargs):
    kwargs["training"] = True
    return original(*args[:1], **kwargs)


def _recording(layer, moments: list):
    def call_and_record(original, *args, **kwargs):
        inputs = args[0] if args else kwargs["inputs"]
        wide = ops.cast(inputs, "float32")
        moments.append(_moments(wide, layer.axis, kwargs.get("mask")))
        return _train(original, *args, **kwargs)

    return call_and_record


def _moments(inputs: Any, axis: int, mask: Any) -> tuple[Any, Any, Any]:
    """Return count, mean and variance of each channel, also of a batch of any size."""
    if mask is not None:
        return batch_moments.measure(inputs, axis, mask)
    rank = len(inputs.shape)
    others = [a for a in range(rank) if a != axis % rank]
    mean = ops.mean(inputs, axis=others, keepdims=True)
    variance = ops.mean(ops.square(inputs - mean), axis=others)
    count = ops.cast(1, "float32")
    for a in others:
        count = count * ops.cast(ops.shape(inputs)[a], "float32")
    return count, ops.reshape(mean, (-1,)), variance


def run(model: keras.Model, samples: Samples, batches: Sequence[np.ndarray]) -> Any:
    """Return the outputs of batches, put back into the order of the samples.

    The only output comes as an array, also out of a nest.
    """

    def forward(x):
        return model(x, training=False)

    parts = [
        keras.tree.map_structure(
            _as_float32, call(model, "inference", forward, samples.take(numbers)[0])
        )
        for numbers in batches
    ]
    return _in_order(parts, batches)


def _in_order(parts: list, batches: Sequence[np.ndarray]) -> Any:
    order = np.argsort(np.concatenate(list(batches)), kind="stable")
    outputs = keras.tree.map_structure(
        lambda *arrays: np.concatenate(arrays)[order], *parts
    )
    arrays = keras.tree.flatten(outputs)
    return arrays[0] if len(arrays) == 1 else outputs


def _as_float32(tensor) -> np.ndarray:
    array = np.asarray(ops.convert_to_numpy(tensor))
    return np.asarray(array, "float32" if array.dtype.kind != "i" else array.dtype)
