"""Runs a model with batch norms in one mode and everything else in inference mode."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.compiled_forward import run_cached
from kerasnorm.doctor.losses.evaluation_batches import (
    evaluation_batches,
    states_preserved,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.losses.own_losses import added_loss
from kerasnorm.doctor.sampling.ragged import join_rows
from kerasnorm.doctor.sampling.samples import Samples, pick
from kerasnorm.inspection import batch_moments
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.patched_calls import patched_calls

Layers = dict[str, keras.layers.Layer]
#: Moving mean and variance of each layer, by path.
Statistics = dict[str, tuple[np.ndarray, np.ndarray]]


def build(model: keras.Model, samples: Samples) -> None:
    """Let layers that wait for their first input make their variables.

    Only variables that are there can be saved and restored. A new model keeps its
    first weights.

    Args:
        model: Any Keras model; one that is built stays as it is.
        samples: At least one sample.
    """
    is_new = isinstance(model, keras.Sequential) and not model.built
    if is_new and hasattr(samples.x, "shape"):
        # A call would fix its batch size for ever.
        model.build((None, *samples.x.shape[1:]))
    if not model.built or not all(layer.built for _, layer in iter_layers(model)):
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
        for path, layer in iter_layers(model)
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


@dataclass(frozen=True)
class Pass:
    """What one pass over samples gave, in their order.

    Args:
        outputs: Outputs of the model; the only one as an array, also out of a nest.
        losses: Loss of every sample, (samples,), where a loss was given. Where only
            that of a batch is known, each of its samples carries it.
        added: What layers and regularizers add to the mean of `losses` in `evaluate`.
        statistics: Measured statistics of the norms' inputs, where they were recorded.
    """

    outputs: Any
    losses: Any = None
    added: float = 0.0
    statistics: Statistics = field(default_factory=dict)


def evaluate(model: keras.Model, samples: Samples) -> Any:
    """Return the outputs of all samples, everything in inference mode."""
    return run(model, samples, evaluation_batches(model, samples))


def evaluate_loss(
    model: keras.Model, samples: Samples, loss: LossOfSamples
) -> np.ndarray:
    """Return the loss of every sample, everything in inference mode."""
    batches = evaluation_batches(model, samples, loss)
    return forward_pass(model, samples, batches, loss).losses


def run(model: keras.Model, samples: Samples, batches: Sequence[np.ndarray]) -> Any:
    """Return the outputs of batches, put back into the order of the samples."""
    return forward_pass(model, samples, batches).outputs


def run_on_batch_statistics(
    model: keras.Model,
    samples: Samples,
    batches: Sequence[np.ndarray],
    *,
    training_mode_layers: Iterable[keras.layers.Layer] = (),
    record: bool = False,
) -> tuple[Any, Statistics]:
    """Return outputs, and measured statistics, with batch norms in training mode."""
    found = forward_pass(
        model,
        samples,
        batches,
        in_batch_mode=True,
        training_mode_layers=training_mode_layers,
        record=record,
    )
    return found.outputs, found.statistics


def forward_pass(
    model: keras.Model,
    samples: Samples,
    batches: Sequence[np.ndarray],
    loss: LossOfSamples | None = None,
    *,
    in_batch_mode: bool = False,
    training_mode_layers: Iterable[keras.layers.Layer] = (),
    record: bool = False,
) -> Pass:
    """Run samples through a model in inference mode, and measure on the way.

    The loss is taken where the outputs are made: masks, logits and what layers add are
    only known there.

    Args:
        model: The model; its moving statistics are as before afterwards.
        samples: What to run.
        batches: Sample numbers of each batch; every sample occurs once.
        loss: The loss to measure, or None.
        in_batch_mode: Whether batch norms, and they alone, run in training mode.
        training_mode_layers: Other layers, such as dropout, to run in training mode
            too. The states of their random generators move on.
        record: Whether to measure the statistics of the norms' inputs, in batch mode.
            Each norm sees inputs that the norms before it normalized with their batch
            statistics, as in training.

    Returns:
        Outputs and losses in the order of the samples, and the measured statistics of
        the whole population.

    Reference:
        Wu and Johnson, "Rethinking Batch in BatchNorm", arXiv 2105.07576, section 3.
    """
    layers = batch_norms(model) if in_batch_mode else {}
    training_mode_layers = list(training_mode_layers)
    measure = loss.measure if loss is not None else None
    populations = {path: batch_moments.Moments() for path in layers}

    def forward(batch):
        seen: dict[str, list] = {path: [] for path in layers}
        calls: dict = dict.fromkeys(training_mode_layers, _train)
        for path, layer in layers.items():
            calls[layer] = _recording(layer, seen[path])
        with patched_calls(calls):
            outputs = model(batch[0], training=False)
            if measure is None:
                return outputs, seen, (), ()
            added = added_loss(model)
            return outputs, seen, measure(model, _whole(batch), outputs), added

    key = (in_batch_mode, *map(id, training_mode_layers), id(loss) if measure else None)
    saved = read_statistics(layers)
    outputs, losses, added = [], [], 0.0
    try:
        with states_preserved(model):
            for numbers in batches:
                parts = samples.take(numbers)
                given = tuple(p for p in parts if p is not None)
                batch = given if measure else parts[:1]
                made, seen, values, more = run_cached(model, key, forward, batch)
                outputs.append(keras.tree.map_structure(_as_float32, made))
                if measure is not None:
                    losses.append(_losses_of(values, outputs[-1], len(numbers)))
                    added += float(_as_float32(more)) * len(numbers) / samples.count
                for path, moments in seen.items() if record else ():
                    for count, mean, variance in moments:
                        populations[path].add(
                            float(_as_float32(count)),
                            _as_float32(mean),
                            _as_float32(variance),
                        )
    finally:
        write_statistics(layers, saved)
    order = np.argsort(np.concatenate(list(batches)), kind="stable")
    measured: Statistics = {
        path: (seen.mean.astype("float32"), seen.variance.astype("float32"))
        for path, seen in populations.items()
        if seen.count
    }
    whole = pick(_joined(outputs), order)
    found = np.concatenate(losses)[order] if losses else None
    if loss is not None and measure is None:
        found = loss.of(samples.y, whole)
    left_out = 0.0 if loss is None or loss.complete else added
    return Pass(whole, found, left_out, measured)


def _whole(batch: tuple) -> tuple[Any, Any, Any]:
    x, y, weights = (*batch, None, None)[:3]
    return x, y, weights


def _losses_of(values: Any, outputs: Any, count: int) -> np.ndarray:
    """Return losses of (samples,), NaN where outputs are not finite numbers.

    Some losses give a number for NaN, which is no answer.
    """
    losses = np.broadcast_to(
        np.asarray(_as_float32(values), "float64"), (count,)
    ).copy()
    for array in keras.tree.flatten(outputs):
        if array.dtype.kind == "f" and len(array) == count:
            useless = ~np.isfinite(array).reshape(count, -1).all(axis=1)
            losses[useless if np.ndim(values) else useless.any() | useless] = np.nan
    return losses


def _joined(parts: list) -> Any:
    joined = keras.tree.map_structure(lambda *arrays: join_rows(arrays), *parts)
    arrays = keras.tree.flatten(joined)
    return arrays[0] if len(arrays) == 1 else joined


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


def _as_float32(tensor) -> np.ndarray:
    array = np.asarray(ops.convert_to_numpy(tensor))
    return np.asarray(array, "float32" if array.dtype.kind != "i" else array.dtype)
