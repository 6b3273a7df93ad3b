"""Trains on one batch for a moment and looks at what moves."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.copies import train_on, trainable_arrays
from kerasnorm.doctor.forward.state import temporary_optimizers
from kerasnorm.doctor.forward.statistics import forward_pass, run_on_batch_statistics
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.own_methods import STEP_METHODS, is_overridden
from kerasnorm.inspection.patched_calls import patched_calls

# Steps on one batch: enough to halve the loss at most sensible learning rates; where a
# low rate still makes it fall, training continues this many times as long.
STEPS, MOST_ROUNDS = 30, 5
# Fraction of what there is to learn that counts as learning a batch, and distance from
# a perfect loss, in units of it, from which there is nothing left.
LEARNED, PERFECT = 0.1, 0.02


@dataclass(frozen=True)
class SingleBatchResult:
    """What training on one batch showed.

    Args:
        steps: Steps taken.
        begin: Loss of the batch before, normalized by the batch's own statistics.
        end: The same after.
        unmoved: Paths of trainable variables that did not move at all.
        dead_units: For each layer with a ReLU, fraction of its units that are 0 for all
            samples of the batch.
    """

    steps: int
    begin: float
    end: float
    unmoved: tuple[str, ...]
    dead_units: dict[str, float]


def overfit_one_batch(
    model: keras.Model,
    batch: Samples,
    loss: LossOfSamples,
    scale: LossScale,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> SingleBatchResult:
    """Train the model on one batch; wrap the call in `state.restored_after`.

    Args:
        model: A compiled model; one without optimizer or loss is only looked at.
        batch: Samples of one batch.
        loss: The loss.
        scale: What a loss of one means.
        optimizer: Optimizer to train with; by default new ones like the model's.
    """
    begin = _loss(model, batch, loss)
    dead = find_dead_units(model, batch)
    if not _can_train(model):
        return SingleBatchResult(0, begin, begin, (), dead)
    before = trainable_arrays(model)
    paths = [v.path for v in model.trainable_variables]
    end, rounds = begin, 0
    with temporary_optimizers(model):
        if optimizer is not None:
            model.optimizer = optimizer
        while not rounds or (
            rounds < MOST_ROUNDS and not has_learned(begin, end, scale)
        ):
            train_on(model, batch, [np.arange(batch.count)] * STEPS)
            last, end, rounds = end, _loss(model, batch, loss), rounds + 1
            if not end < last:
                break
    unmoved = tuple(
        path
        for path, old, now in zip(paths, before, trainable_arrays(model), strict=True)
        if np.array_equal(old, now)
    )
    return SingleBatchResult(rounds * STEPS, begin, end, unmoved, dead)


def has_learned(begin: float, end: float, scale: LossScale) -> bool:
    """Return whether a loss has fallen, or is as low as it can be.

    Args:
        begin: Loss before the training.
        end: Loss after it.
        scale: What a loss of one means.
    """
    if scale.perfect is None:
        return end < begin
    fallen = begin - end >= LEARNED * (begin - scale.perfect)
    return fallen or end <= scale.perfect + PERFECT * scale.loss_unit


def _can_train(model) -> bool:
    """Return whether there are an optimizer and a loss, or a step of its own."""
    if getattr(model, "optimizer", None) is None:
        return False
    own = any(is_overridden(model, n) for n in STEP_METHODS if n != "test_step")
    return own or getattr(model, "loss", None) is not None


def _loss(model, samples: Samples, loss: LossOfSamples) -> float:
    numbers = [np.arange(samples.count)]
    found = forward_pass(model, samples, numbers, loss, in_batch_mode=True)
    return float(found.losses.mean())


def find_dead_units(model: keras.Model, samples: Samples) -> dict[str, float]:
    """Return the fraction of units that never fire, for each layer with a ReLU.

    Args:
        model: Any Keras model.
        samples: A batch.
    """
    found: dict[str, float] = {}

    def look(path):
        def call(original, *args, **kwargs):
            outputs = original(*args, **kwargs)
            try:
                values = np.asarray(ops.convert_to_numpy(outputs))
            except Exception:
                # Inside a loop of the backend there are no numbers, and cells of
                # recurrent layers return several tensors.
                return outputs
            units = values.reshape(-1, values.shape[-1]).max(axis=0)
            found[path] = float((units <= 0).mean())
            return outputs

        return call

    calls = {
        layer: look(path) for path, layer in iter_layers(model) if _has_relu(layer)
    }
    with patched_calls(calls):
        run_on_batch_statistics(model, samples, [np.arange(samples.count)])
    return {path: fraction for path, fraction in found.items() if fraction > 0}


def _has_relu(layer) -> bool:
    activation = getattr(layer, "activation", None)
    return (
        isinstance(layer, keras.layers.ReLU)
        or getattr(activation, "__name__", "") == "relu"
    )
