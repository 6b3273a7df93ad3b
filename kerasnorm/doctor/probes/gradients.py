"""Checks gradients: how large they are, and whether the loss falls as they say."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.copies import (
    CannotCloneError,
    copy_model,
    train_on,
    trainable_arrays,
)
from kerasnorm.doctor.losses import resolve_loss
from kerasnorm.doctor.probes.structure import random_layers
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.statistics import forward_pass

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
    model: keras.Model, batch: Samples, unit: float = 1.0
) -> Gradients | None:
    """Read the gradient from one step of plain gradient descent on a copy.

    Args:
        model: A compiled model, which is left as it is; wrap the call in
            `state.preserved`.
        batch: Samples of one batch.
        unit: Loss that counts as one.

    Returns:
        The gradients, None for a model that Keras cannot copy.
    """
    numbers = np.arange(batch.count)
    # A rate of 1 makes the step the gradient itself.
    try:
        copy = copy_model(model, batch, keras.optimizers.SGD(1.0))
    except CannotCloneError:
        return None
    before, whole = trainable_arrays(copy), copy.get_weights()
    train_on(copy, batch, [numbers])
    gradients = [
        old.astype("float64") - now
        for old, now in zip(before, trainable_arrays(copy), strict=True)
    ]
    norms = np.array([np.linalg.norm(g) for g in gradients])
    paths = [v.path for v in copy.trainable_variables]
    finite = bool(np.isfinite(norms).all())
    some = norms[norms > 0]
    agreement = None
    low_precision = any(layer.compute_dtype == "float16" for layer in copy.layers)
    if finite and len(some) and not random_layers(copy) and not low_precision:
        copy.set_weights(whole)
        agreement = _agreement(copy, before, gradients, batch, unit)
    return Gradients(
        finite,
        float(np.linalg.norm(norms)),
        tuple(path for path, norm in zip(paths, norms, strict=True) if norm == 0),
        float(some.max() / some.min()) if finite and len(some) else 0.0,
        agreement,
    )


def _agreement(copy, before, gradients, batch: Samples, unit) -> float | None:
    square = sum(float((g**2).sum()) for g in gradients)
    # What the step goes down: the loss with its weights, as the copy has it, and what
    # layers and regularizers add.
    loss = resolve_loss(copy, batch)

    def loss_at(distance: float) -> float:
        for v, old, g in zip(copy.trainable_variables, before, gradients, strict=True):
            v.assign((old - distance * g).astype(old.dtype))
        numbers = [np.arange(batch.count)]
        seen = forward_pass(copy, batch, numbers, loss, in_batch_mode=True)
        return float(seen.losses.mean()) + seen.added

    # Neither a constant in the loss nor a loss near 0 may decide the step.
    distance = CHANGE * max(min(abs(loss_at(0.0)), unit), 1e-3 * unit) / square
    fall = loss_at(-distance) - loss_at(distance)
    return float(fall / (2 * distance * square)) if np.isfinite(fall) else None
