"""Measures whether labels, outputs and loss belong together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.ragged import as_places


def label_mismatch_reason(
    y: Any, shape: Sequence[int | None] | None, loss: LossOfSamples
) -> str | None:
    """Say what is wrong between labels and the head, None if nothing is.

    Args:
        y: Labels.
        shape: Shape of the outputs, the batch first; None where unknown or several.
        loss: The loss. One that is not Keras' own may take labels of any form.
    """
    if not isinstance(y, np.ndarray) or y.size == 0:
        return None
    y = as_places(y)
    if y.dtype.kind not in "fiub":
        return f"labels are of type {y.dtype}, not numbers: number the classes"
    width, loss_name = shape[-1] if shape else None, loss.name
    if width is None or not shape or not loss.known:
        return None
    if not np.isfinite(y.astype("float64")).all():
        return "labels hold values that are not finite numbers"
    columns = 1 if y.ndim == len(shape) - 1 or y.ndim == 1 else y.shape[-1]
    y = y[y != loss.ignored]
    if y.size == 0:
        return None
    if loss_name.startswith("sparse"):
        if columns != 1:
            return (
                f"labels have {columns} columns, but {loss_name} takes class numbers: "
                "use categorical_crossentropy"
            )
        if y.min() < 0 or y.max() >= width:
            return (
                f"labels go from {y.min():g} to {y.max():g}, but the model has {width} "
                f"outputs, for classes 0 to {width - 1}"
            )
    elif loss_name == "categorical_crossentropy":
        if width == 1:
            return (
                "categorical_crossentropy of a single output is always 0: use "
                "binary_crossentropy, or two outputs"
            )
        if columns == 1:
            return (
                f"labels are class numbers, but {loss_name} takes one column for each "
                "class: use sparse_categorical_crossentropy"
            )
    elif loss_name == "binary_crossentropy" and (y.min() < 0 or y.max() > 1):
        return f"labels go from {y.min():g} to {y.max():g}; {loss_name} takes 0 to 1"
    if columns not in (1, width):
        return f"labels have {columns} columns, the model has {width} outputs"
    return None


def logits_mismatch_reason(
    outputs: np.ndarray, loss_name: str, from_logits: bool, activation: str | None
) -> str | None:
    """Say whether the loss takes logits for probabilities or the other way round.

    Args:
        outputs: Some outputs of the model.
        loss_name: Name of the loss.
        from_logits: Whether the loss expects logits.
        activation: Name of the last activation, None if unknown.
    """
    if "crossentropy" not in loss_name or not isinstance(outputs, np.ndarray):
        return None
    outputs = as_places(outputs)
    squashed = activation in ("softmax", "sigmoid")
    if from_logits and squashed:
        return (
            f"the outputs pass {activation}, and the loss applies it again "
            "(from_logits=True): drop one of them"
        )
    outside = outputs.min() < 0 or outputs.max() > 1
    if not from_logits and outside:
        return (
            "the outputs leave 0 to 1, but the loss takes probabilities: use "
            "from_logits=True, or a softmax or sigmoid at the end"
        )
    if activation == "softmax" and outputs.shape[-1] == 1:
        return "softmax of a single output is always 1: use sigmoid"
    return None
