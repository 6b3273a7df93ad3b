"""Measures what a loss of one means: the unit of the doctor's thresholds."""

import numpy as np

from kerasnorm.doctor.loss_matrix import LossMatrix
from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.samples import Samples


def measure_scale(
    loss: LossOfSamples,
    train: Samples,
    shape: tuple[int, ...] | None,
    matrix: LossMatrix,
) -> float:
    """Return 1 nat, or the loss of the best constant output for other losses.

    Args:
        loss: The loss that the doctor judges by.
        train: Training samples.
        shape: Shape of the outputs, None where they are no single array.
        matrix: The loss matrix.

    Returns:
        The unit. Where no constant is known, because labels are no such outputs, it is
        the training loss, at least 1.
    """
    if "crossentropy" in loss.name:
        return 1.0
    y = train.labels
    labels = y.shape if isinstance(y, np.ndarray) else ()
    if shape is None or shape[1:] not in (labels[1:], (*labels[1:], 1)):
        return float(np.nanmax([1.0, matrix.mean("B")]))
    constant = np.broadcast_to(y.mean(axis=0, keepdims=True), y.shape)
    constant = np.ascontiguousarray(constant, "float32")
    if constant.ndim == 1:
        constant = constant[:, np.newaxis]
    return max(float(loss.of(y, constant, None).mean()), 1e-9)
