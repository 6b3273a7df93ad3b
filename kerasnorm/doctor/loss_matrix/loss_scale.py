"""Measures what a loss of one means: the unit of the doctor's thresholds."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import Pass
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples, pick

# Probabilities of a perfect answer, so that its logits stay finite.
SURE = 1e-7
SMALLEST_GAP = 1e-9


@dataclass(frozen=True)
class LossScale:
    """Where a loss lies between knowing nothing and knowing everything.

    No number depends on a constant that the loss adds, and all of them grow with its
    unit: 1 minus Dice and minus Dice have one scale.

    Args:
        unit: What knowing everything saves; 1 nat for cross-entropies.
        constant: Loss of the best constant answer, None where none is known.
        perfect: Loss of the labels themselves as answer, None where they are none.
        uninformed: Loss of outputs of one half, or of the same for every class; None
            where outputs are no probabilities.
        targets: Mean size of the targets that outputs should equal, 0 where labels are
            class numbers or no outputs.
        outputs: Mean size of the outputs for them.
    """

    unit: float
    constant: float | None = None
    perfect: float | None = None
    uninformed: float | None = None
    targets: float = 0.0
    outputs: float = 0.0

    @property
    def gap(self) -> float | None:
        """What the best constant answer costs more than the labels, None if unknown."""
        if self.constant is None or self.perfect is None:
            return None
        gap = self.constant - self.perfect
        return gap if gap > SMALLEST_GAP else None


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
    found = Pass(matrix.outputs["B"], matrix.losses["B"])
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
    heads = list(_heads(train.y, found.outputs))
    answers = [_answers(y, head, loss) for y, head in heads]
    known: dict[str, float | None] = dict.fromkeys(("constant", "perfect"))
    if heads and all(answers):
        for name in known:
            known[name] = _mean(loss, train, [answer[name] for answer in answers])
    uninformed, nats = None, 0.0
    if "crossentropy" in loss.name and heads:
        flat = [_uninformed(head, loss.from_logits) for _, head in heads]
        uninformed = _mean(loss, train, flat)
        nats = _nats(heads[0][1], loss)
    scale = LossScale(
        1.0,
        known["constant"],
        known["perfect"],
        uninformed,
        *max((_sizes(*head) for head in heads), default=(0.0, 0.0)),
    )
    if loss.of_outputs is not None:
        return scale
    if uninformed and nats and loss.known and not loss.joint and len(heads) == 1:
        unit = uninformed / nats
    else:
        unit = scale.gap or _spread(loss, train, found)
    return replace(scale, unit=unit)


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


def _heads(y: Any, outputs: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    labels, arrays = (keras.tree.flatten(nest) for nest in (y, outputs))
    pairs = list(zip(labels, arrays, strict=False)) if y is not None else []
    numeric = all(a.dtype.kind in "fiub" for pair in pairs for a in pair)
    if len(labels) == len(arrays) and numeric:
        yield from pairs


def _answers(y: np.ndarray, outputs: np.ndarray, loss: LossOfSamples) -> dict:
    """Return the best constant and the perfect outputs, nothing where unknown."""
    if y.ndim == outputs.ndim - 1 and outputs.shape[-1] == 1:
        y = y[..., np.newaxis]
    if y.shape == outputs.shape:
        values = y.astype("float64")
        known = np.isfinite(values)
        sums = np.where(known, values, 0).sum(axis=0)
        mean = sums / np.maximum(known.sum(axis=0), 1)
        perfect = np.where(known, values, mean)
    else:
        if y.ndim == outputs.ndim and y.shape[-1] == 1:
            y = y[..., 0]
        if y.shape != outputs.shape[:-1] or (y.dtype.kind == "f" and (y % 1).any()):
            return {}
        classes = np.clip(y.astype(int), 0, outputs.shape[-1] - 1)
        perfect = np.eye(outputs.shape[-1])[classes]
        counted = perfect[y != loss.ignored] if loss.ignored is not None else perfect
        mean = counted.reshape(-1, outputs.shape[-1]).mean(axis=0)
    if loss.from_logits:
        mean, perfect = (_logits(part) for part in (mean, perfect))
    shape = outputs.shape
    return {
        "constant": np.broadcast_to(mean, shape).astype("float32"),
        "perfect": np.broadcast_to(perfect, shape).astype("float32"),
    }


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


def _mean(loss: LossOfSamples, train: Samples, heads: list) -> float | None:
    """Return the loss of other outputs, None where it is no number."""
    outputs = heads[0]
    if len(heads) > 1:
        outputs = keras.tree.pack_sequence_as(loss.form, heads)
    values = np.empty(train.count)
    # Code of the user may run here, made for outputs of the model alone.
    with contextlib.suppress(Exception):
        for numbers in train.batches() if loss.joint else [np.arange(train.count)]:
            x, y, weights = train.take(numbers)
            values[numbers] = loss.of(y, pick(outputs, numbers), weights, x)
        if np.isfinite(values).all():
            return float(values.mean())
    return None


def _spread(loss: LossOfSamples, train: Samples, found: Pass) -> float:
    """Return what the outputs for other samples cost, or how much losses differ."""
    order = np.roll(np.arange(train.count), train.count // 2)
    others = [array[order] for array in keras.tree.flatten(found.outputs)]
    mixed = _mean(loss, train, others)
    gain = 0.0 if mixed is None else mixed - float(found.losses.mean())
    spread = float(np.nanstd(found.losses))
    sizes = [size for size in (gain, spread) if np.isfinite(size) and size > 1e-9]
    return max(sizes, default=1.0)
