"""Measures what a loss of one means: the unit of the doctor's thresholds."""

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.forward.compiled_forward import run_cached
from kerasnorm.doctor.forward.statistics import Pass
from kerasnorm.doctor.loss_matrix.heads import heads_of
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.losses.evaluation_batches import (
    evaluation_batches,
    states_preserved,
)
from kerasnorm.doctor.losses.masks import MaskReader
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.ragged import join_rows
from kerasnorm.doctor.sampling.samples import Samples, pick

# Probabilities of a perfect answer, so that its logits stay finite.
SURE = 1e-7
SMALLEST_GAP = 1e-9
# Outputs of new weights are near 1; targets so much larger take too many steps.
LARGE_TARGETS = 100.0
# Outputs this small a fraction of their targets have not come near them.
FAR = 0.5


@dataclass(frozen=True)
class LossScale:
    """Where a loss lies between knowing nothing and knowing everything.

    No number depends on a constant that the loss adds, and all of them grow with its
    loss_unit: 1 minus Dice and minus Dice have one scale.

    Args:
        loss_unit: What knowing everything saves; 1 nat for cross-entropies.
        constant: Loss of the best constant answer, None where none is known.
        perfect: Loss of the labels themselves as answer, None where they are none.
        uninformed: Loss of outputs of one half, or of the same for every class; None
            where outputs are no probabilities.
        targets: Mean size of the targets that outputs should equal, 0 where labels are
            class numbers or no outputs.
        outputs: Mean size of the outputs for them.
        constants: Loss of the best constant answer for each sample, (samples,), None
            where none is known.
        perfects: Loss of the labels themselves likewise.
        is_spread: Whether the unit is only how much the losses differ: no answer was
            found that costs so much more.
    """

    loss_unit: float
    constant: float | None = None
    perfect: float | None = None
    uninformed: float | None = None
    targets: float = 0.0
    outputs: float = 0.0
    constants: np.ndarray | None = field(default=None, repr=False, compare=False)
    perfects: np.ndarray | None = field(default=None, repr=False, compare=False)
    is_spread: bool = False

    @property
    def gap(self) -> float | None:
        """What the best constant answer costs more than the labels, None if unknown."""
        if self.constant is None or self.perfect is None:
            return None
        gap = self.constant - self.perfect
        return gap if gap > SMALLEST_GAP else None

    @property
    def targets_are_far(self) -> bool:
        """Whether targets are so large that outputs have not come near them."""
        return self.targets > LARGE_TARGETS and self.outputs < FAR * self.targets


def scale_of(
    matrix: LossMatrix, train: Samples, loss: LossOfSamples | None
) -> LossScale:
    """Measure the scale of the loss of a matrix; one where none was measured.

    Args:
        matrix: The loss matrix.
        train: The training samples it was measured on.
        loss: The loss to judge by.
    """
    if loss is None:
        return LossScale(1.0)
    found = Pass(matrix.outputs[Cell.TRAIN_MOVING], matrix.losses[Cell.TRAIN_MOVING])
    return measure_scale(loss, train, found)


def measure_scale(loss: LossOfSamples, train: Samples, found: Pass) -> LossScale:
    """Measure a loss on answers that need no model.

    Args:
        loss: The loss.
        train: Training samples.
        found: Outputs and losses of the model for them.

    Returns:
        The scale. Where labels are no outputs, what counts is how much worse the
        outputs for other samples are, or how much the losses differ.
    """
    masks: list | None = _masks(loss, train) if loss.masked else None
    whole = heads_of(train.y, found.outputs, masks)
    heads = [(head.y, head.outputs) for head in whole]
    answers = [_answers(h.y, h.outputs, loss, h.mask) for h in whole]
    known: dict[str, np.ndarray] = {}
    if heads and all(answers):
        for name in answers[0]:
            outputs = [
                head.restored(answer[name])
                for head, answer in zip(whole, answers, strict=True)
            ]
            values = _losses(loss, train, outputs, masks)
            known |= {} if values is None else {name: values}
    perfects = known.pop("perfect", None)
    # The mean is best for squares, the middle for absolute differences.
    constants = min(known.values(), key=np.mean, default=None)
    uninformed, nats = None, 0.0
    if "crossentropy" in loss.name and heads:
        flat = [
            head.restored(_uninformed(head.outputs, loss.from_logits)) for head in whole
        ]
        uninformed = _mean(_losses(loss, train, flat, masks))
        nats = _nats(heads[0][1], loss)
    scale = LossScale(
        1.0,
        _mean(constants),
        _mean(perfects),
        uninformed,
        *max((_sizes(*head) for head in heads), default=(0.0, 0.0)),
        constants,
        perfects,
    )
    if loss.of_outputs is not None:
        return scale
    if uninformed and nats and loss.known and not loss.joint and len(heads) == 1:
        return replace(scale, loss_unit=uninformed / nats)
    gain = scale.gap or _cost_of_knowing_nothing(loss, train, found, masks)
    std = float(np.nanstd(found.losses))
    if not scale.gap and np.isfinite(std) and std > max(gain, SMALLEST_GAP):
        return replace(scale, loss_unit=std, is_spread=True)
    return replace(scale, loss_unit=gain or 1.0)


def _sizes(y: np.ndarray, outputs: np.ndarray) -> tuple[float, float]:
    """Return the mean sizes of targets and outputs, zeros for labels of classes."""
    if y.ndim == outputs.ndim - 1 and outputs.shape[-1] == 1:
        y = y[..., np.newaxis]
    if y.shape != outputs.shape:
        return 0.0, 0.0
    known = np.isfinite(y.astype("float64"))
    if not known.any():
        return 0.0, 0.0
    return float(np.abs(y[known]).mean()), float(np.abs(outputs[known]).mean())


def _masks(loss: LossOfSamples, samples: Samples) -> list[np.ndarray]:
    """Return the mask of each output of the model, true where it has none."""
    model = loss.model

    def masks_of(x: Any) -> list:
        outputs = keras.tree.flatten(model(x, training=False))
        return [MaskReader()(tensor) for tensor in outputs]

    with states_preserved(model):
        found = [
            run_cached(model, "masks", masks_of, samples.take(numbers)[0])
            for numbers in evaluation_batches(model, samples, loss)
        ]
    return [
        join_rows([np.asarray(ops.convert_to_numpy(part)) for part in parts])
        for parts in zip(*found, strict=True)
    ]


def _answers(
    y: np.ndarray, outputs: np.ndarray, loss: LossOfSamples, mask: np.ndarray | None
) -> dict:
    """Return constants of which one is best, and the labels as outputs.

    Nothing where labels are no outputs. What a mask leaves out does not count.
    """
    if y.ndim == outputs.ndim - 1 and outputs.shape[-1] == 1:
        y = y[..., np.newaxis]
    if y.shape == outputs.shape:
        values = y.astype("float64")
        known = np.isfinite(values)
        if mask is not None:
            known &= _along(mask, known)
        sums = np.where(known, values, 0).sum(axis=0)
        mean = sums / np.maximum(known.sum(axis=0), 1)
        perfect = np.where(known, values, mean)
        middle = np.median(perfect, axis=0)
    else:
        if y.ndim == outputs.ndim and y.shape[-1] == 1:
            y = y[..., 0]
        if y.shape != outputs.shape[:-1] or (y.dtype.kind == "f" and (y % 1).any()):
            return {}
        classes = np.clip(y.astype(int), 0, outputs.shape[-1] - 1)
        perfect = np.eye(outputs.shape[-1])[classes]
        known = (
            y != loss.ignored if loss.ignored is not None else np.full(y.shape, True)
        )
        known = known & (True if mask is None else _along(mask, known))
        counted = perfect[known]
        mean = counted.reshape(-1, outputs.shape[-1]).mean(axis=0)
        middle = np.eye(len(mean))[mean.argmax()]
    answers = {"mean": mean, "middle": middle, "perfect": perfect}
    return {
        name: np.broadcast_to(
            _logits(answer) if loss.from_logits else answer, outputs.shape
        ).astype("float32")
        for name, answer in answers.items()
    }


def _along(mask: np.ndarray, values: np.ndarray) -> np.ndarray:
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))


def _logits(p: np.ndarray) -> np.ndarray:
    """Return logits of probabilities, right for a sigmoid and for a softmax."""
    p = np.clip(p, SURE, 1 - SURE)
    return np.log(p) - (np.log1p(-p) if p.shape[-1] == 1 else 0.0)


def _uninformed(outputs: np.ndarray, from_logits: bool) -> np.ndarray:
    if from_logits:
        return np.zeros_like(outputs)
    return np.full_like(outputs, 1 / outputs.shape[-1] if _is_softmax(outputs) else 0.5)


def _is_softmax(outputs: np.ndarray) -> bool:
    sums = outputs.sum(axis=-1)
    return outputs.shape[-1] > 1 and np.allclose(sums, 1, atol=1e-2)


def _nats(outputs: np.ndarray, loss: LossOfSamples) -> float:
    """Return what an uninformed answer costs in nats, without weights."""
    if "categorical" in loss.name:
        return float(np.log(outputs.shape[-1]))
    # Probabilities that add up to 1 may be asked one by one.
    softmax = not loss.from_logits and _is_softmax(outputs)
    p = 1 / outputs.shape[-1] if softmax else 0.5
    return float(-p * np.log(p) - (1 - p) * np.log(1 - p))


def _mean(losses: np.ndarray | None) -> float | None:
    return None if losses is None else float(losses.mean())


def _losses(
    loss: LossOfSamples, train: Samples, heads: list, masks: list | None = None
) -> np.ndarray | None:
    """Return the losses of other outputs, None where they are no numbers."""
    outputs = heads[0]
    if len(heads) > 1:
        outputs = keras.tree.pack_sequence_as(loss.form, heads)
    values = np.empty(train.count)
    # Code of the user may run here, made for outputs of the model alone.
    with contextlib.suppress(Exception):
        as_given = loss.joint or train.groups is not None
        for numbers in train.batches() if as_given else [np.arange(train.count)]:
            x, y, weights = train.take(numbers)
            values[numbers] = loss.of(
                y, pick(outputs, numbers), weights, x, pick(masks, numbers)
            )
        if np.isfinite(values).all():
            return values
    return None


def _cost_of_knowing_nothing(
    loss: LossOfSamples, train: Samples, found: Pass, masks: list | None
) -> float:
    """Return what outputs that know nothing cost more, 0 where none is found.

    Outputs for other samples do not fit the labels; where there are none, one answer
    for all samples is what a network gives that tells none of them apart.
    """
    order = np.arange(train.count)
    for group in train.by_shape(order.copy()):
        order[group] = np.roll(group, len(group) // 2)
    outputs = keras.tree.flatten(found.outputs)
    others = [array[order] for array in outputs]
    costs = [_mean(_losses(loss, train, others, masks))]
    if train.groups is None:
        alike = [np.broadcast_to(array.mean(axis=0), array.shape) for array in outputs]
        costs.append(_mean(_losses(loss, train, alike, masks)))
    known = float(found.losses.mean())
    more = [cost - known for cost in costs if cost is not None]
    return max((m for m in more if np.isfinite(m) and m > SMALLEST_GAP), default=0.0)
