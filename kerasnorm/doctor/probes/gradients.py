"""Checks gradients: how large they are, and whether the loss falls as they say."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.loss_matrix import added_loss
from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.probes.short_training import CannotCloneError, clone
from kerasnorm.doctor.probes.structure import random_layers
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.statistics import run_on_batch_statistics

# The step along the gradient that should change the loss by this share of itself: small
# enough for a straight line, large enough for float32.
CHANGE = 0.01


@dataclass(frozen=True)
class Gradients:
    """Gradients of the loss of one batch.

    Args:
        finite: Whether all are finite numbers.
        norm: Norm of all together.
        zero: Paths of variables whose gradient is 0 everywhere.
        largest_ratio: Largest norm of a variable's gradient divided by the smallest
            that is not 0: far above 1e4 they explode or vanish on the way.
        agreement: Fall of the loss along the gradient, measured by a central
            difference, divided by what the gradient predicts: 1 where it is right.
            None where dropout or float16 hides it.
    """

    finite: bool
    norm: float
    zero: tuple[str, ...]
    largest_ratio: float
    agreement: float | None


def measure_gradients(
    model: keras.Model, batch: tuple[Any, Any, Any], loss: LossOfSamples
) -> Gradients | None:
    """Read the gradient from one step of plain gradient descent on a copy.

    Args:
        model: A compiled model, which is left as it is; wrap the call in
            `state.preserved`.
        batch: Inputs, labels and weights.
        loss: The loss of each sample.

    Returns:
        The gradients, None for a model that Keras cannot copy.
    """
    try:
        copy = clone(model)
    except CannotCloneError:
        return None
    copy.set_weights(model.get_weights())
    # A rate of 1 makes the step the gradient itself.
    copy.compile(keras.optimizers.SGD(1.0), model.loss, jit_compile=False)
    before = [np.array(ops.convert_to_numpy(v)) for v in copy.trainable_variables]
    whole = copy.get_weights()
    copy.train_on_batch(*batch)
    gradients = [
        old.astype("float64") - np.asarray(ops.convert_to_numpy(v), "float64")
        for old, v in zip(before, copy.trainable_variables, strict=True)
    ]
    norms = np.array([np.linalg.norm(g) for g in gradients])
    paths = [v.path for v in copy.trainable_variables]
    finite = bool(np.isfinite(norms).all())
    some = norms[norms > 0]
    agreement = None
    low_precision = any(layer.compute_dtype == "float16" for layer in copy.layers)
    if finite and len(some) and not random_layers(copy) and not low_precision:
        copy.set_weights(whole)
        agreement = _agreement(copy, before, gradients, batch, loss)
    return Gradients(
        finite,
        float(np.linalg.norm(norms)),
        tuple(path for path, norm in zip(paths, norms, strict=True) if norm == 0),
        float(some.max() / some.min()) if finite and len(some) else 0.0,
        agreement,
    )


def _agreement(copy, before, gradients, batch, loss: LossOfSamples) -> float | None:
    x, y, weights = batch
    samples = Samples(x, y, weights, (len(keras.tree.flatten(x)[0]),))
    square = sum(float((g**2).sum()) for g in gradients)

    def loss_at(distance: float) -> float:
        for v, old, g in zip(copy.trainable_variables, before, gradients, strict=True):
            v.assign((old - distance * g).astype(old.dtype))
        numbers = [np.arange(samples.count)]
        outputs, _ = run_on_batch_statistics(copy, samples, numbers)
        return float(loss.of(y, outputs, weights).mean()) + added_loss(copy)

    distance = CHANGE * max(loss_at(0.0), 1e-3) / square
    fall = loss_at(-distance) - loss_at(distance)
    return float(fall / (2 * distance * square)) if np.isfinite(fall) else None
