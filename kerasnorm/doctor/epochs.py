"""Judges examinations of one training beside each other."""

from collections.abc import Mapping

import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.examination import Examination
from kerasnorm.doctor.finding import Finding

# Loss that a peak must rise above both its neighbours, beyond their errors: trainings
# whose rate suits them stay below 0.1 once the statistics are re-estimated.
PEAK = 0.2


def find_validation_spikes(examinations: Mapping[int, Examination]) -> Finding | None:
    """Find a validation loss that leaps up and down even with exact statistics.

    Stale statistics make the validation loss as seen jump. If it still does after they
    were re-estimated (D'), the weights themselves are unstable.

    Args:
        examinations: Epoch to examination of the same training.

    Returns:
        A finding where at least one epoch lies above both its neighbours by more than
        chance and 0.2, otherwise None.
    """
    epochs = sorted(examinations)
    losses = [_validation_loss(examinations[epoch]) for epoch in epochs]
    known = [(e, *loss) for e, loss in zip(epochs, losses, strict=True) if loss]
    peaks = [
        (epoch, loss - max(before[1], after[1]))
        for before, (epoch, loss, error), after in zip(
            known, known[1:], known[2:], strict=False
        )
        if all(
            loss - other > max(PEAK, 1.96 * np.hypot(error, other_error))
            for _, other, other_error in (before, after)
        )
    ]
    if not peaks:
        return None
    epoch, height = max(peaks, key=lambda peak: peak[1])
    return Finding(
        "learning_rate_too_high",
        "warning",
        f"With exact statistics the validation loss still leaps: in epoch {epoch + 1} "
        f"it lies {height:.3g} above the examinations before and after.",
        {
            "peaks": [number + 1 for number, _ in peaks],
            "height": float(height),
            "losses": [loss for _, loss, _ in known],
        },
        "a lower learning rate with warm-up, or kerasnorm.optimizers.AGC around the "
        "optimizer",
        float(height),
    )


def _validation_loss(examination: Examination) -> tuple[float, float] | None:
    loss = examination.losses.get(
        Cell.VALIDATION_RECALIBRATED, examination.losses.get(Cell.VALIDATION_MOVING)
    )
    error = examination.measurements.get("validation_loss_error")
    if loss is None or error is None or not np.isfinite([loss, error]).all():
        return None
    return float(loss), float(error)
