"""Checks gradients: how large they are, and whether the loss falls as they say."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.forward.copies import (
    CannotCloneError,
    copy_model,
    train_on,
    trainable_arrays,
)
from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.probes.gradients.loss_slopes import (
    layers_of,
    measure_slopes,
    silence_dropout,
)
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.own_methods import is_overridden

# The step along the gradient that should change the loss by this fraction of itself:
# small enough for a straight line, large enough for float32.
CHANGE = 0.004
# A layer's weights move by this fraction of their norm at most, and a smaller change of
# the loss than this fraction of it is lost in rounding.
FARTHEST, LEAST = 0.05, 2e-4
# Losses this near, in units of it, are one.
SAME = 1e-3
# Two steps of different lengths agree to this factor where the loss is straight.
STRAIGHT = 1.1


@dataclass(frozen=True)
class Gradients:
    """Gradients of the loss of one batch.

    Args:
        finite: Whether all are finite numbers.
        norm: Norm of all together.
        zero: Paths of variables whose gradient is 0 everywhere.
        largest_ratio: Largest norm of a variable's gradient divided by the smallest
            that is not 0: far above 1e4 they explode or vanish on the way.
        agreement: By the path of each layer, fall of the loss along the layer's part
            of the gradient, measured by a central difference, divided by what the
            gradient predicts: 1 where it is right. Layers are left out whose part is
            too small or too crooked to tell; all are where augmentation or half
            precision hides it. Dropout is left out of both sides.
    """

    finite: bool
    norm: float
    zero: tuple[str, ...]
    largest_ratio: float
    agreement: Mapping[str, float]


def measure_gradients(
    model: keras.Model,
    batch: Samples,
    loss_unit: float = 1.0,
    has_time: Callable[[], bool] = lambda: True,
) -> Gradients | None:
    """Read the gradient from one step of plain gradient descent on a copy.

    Args:
        model: A compiled model, which is left as it is; wrap the call in
            `state.restored_after`.
        batch: Samples of one batch.
        loss_unit: Loss that counts as one.
        has_time: Says whether another layer may be measured.

    Returns:
        The gradients, None for a model that Keras cannot copy.
    """
    numbers = np.arange(batch.count)
    # A rate of 1 makes the step the gradient itself.
    try:
        copy = copy_model(model, batch, keras.optimizers.SGD(1.0))
    except CannotCloneError:
        return None
    is_random = not silence_dropout(copy)
    before, whole = trainable_arrays(copy), copy.get_weights()
    logs = train_on(copy, batch, [numbers])
    gradients = [
        old.astype("float64") - now
        for old, now in zip(before, trainable_arrays(copy), strict=True)
    ]
    norms = np.array([np.linalg.norm(g) for g in gradients])
    paths = [v.path for v in copy.trainable_variables]
    finite = bool(np.isfinite(norms).all())
    some = norms[norms > 0]
    agreement: dict[str, float] = {}
    low_precision = any(
        layer.compute_dtype in ("float16", "bfloat16") for layer in copy.layers
    )
    if finite and len(some) and not is_random and not low_precision:
        copy.set_weights(whole)
        try:
            agreement = measure_slopes(model, batch, gradients, loss_unit, has_time)
        except CannotCloneError:
            own = is_overridden(model, "train_step")
            told = float(logs.get("loss", np.nan)) if own else None
            agreement = _agreement(copy, before, gradients, batch, loss_unit, told)
    return Gradients(
        finite,
        float(np.linalg.norm(norms)),
        tuple(path for path, norm in zip(paths, norms, strict=True) if norm == 0),
        float(some.max() / some.min()) if finite and len(some) else 0.0,
        agreement,
    )


def _agreement(
    copy, before, gradients, batch: Samples, loss_unit, told: float | None
) -> dict[str, float]:
    # What the step goes down: the loss with its weights, as the copy has it, and what
    # layers and regularizers add.
    loss = resolve_loss(copy, batch)
    variables = copy.trainable_variables

    def loss_at(members: list[int], distance: float) -> float:
        for i in members:
            moved = before[i] - distance * gradients[i]
            variables[i].assign(moved.astype(before[i].dtype))
        numbers = [np.arange(batch.count)]
        seen = forward_pass(copy, batch, numbers, loss, in_batch_mode=True)
        for i in members:
            variables[i].assign(before[i])
        return float(seen.losses.mean()) + seen.added

    # Neither a constant in the loss nor a loss near 0 may decide the step.
    begin = loss_at([], 0.0)
    if told is not None and not abs(told - begin) <= SAME * loss_unit:
        # A step of the user's own goes down another loss than `evaluate` reports.
        return {}
    size = max(min(abs(begin), loss_unit), 1e-3 * loss_unit)
    found = {}
    for path, members in layers_of(variables).items():
        square = sum(float((gradients[i] ** 2).sum()) for i in members)
        length = math.sqrt(sum(float((before[i] ** 2.0).sum()) for i in members))
        if square == 0:
            continue
        distance = min(CHANGE * size / square, FARTHEST * length / math.sqrt(square))
        if distance * square < LEAST * size:
            continue
        whole, half = (
            (loss_at(members, -step) - loss_at(members, step)) / (2 * step * square)
            for step in (distance, distance / 2)
        )
        if whole > 0 < half and 1 / STRAIGHT < whole / half < STRAIGHT:
            found[path] = whole
    return found
