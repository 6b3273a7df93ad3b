"""Judges the training: overfitting."""

from kerasnorm.doctor.checks.data import (
    check_domain,
    check_labels,
    check_mapping,
    generalization_gap,
)
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# Generalization costs up to 0.11 nats in healthy runs and 1.5 in overfitted ones; small
# validation sets are kept out by the lower limit of the interval.
OVERFITTED = 0.3
SURELY = 0.15


def check_overfitting(m: Measurements) -> Finding | None:
    """Find a gap that no other statistics, inputs or labels repair."""
    gap, low, high = generalization_gap(m)
    if gap < OVERFITTED * m.unit or low < SURELY * m.unit:
        return None
    if check_mapping(m) or check_labels(m) or check_domain(m):
        return None
    seen = "D'" if m.has("D'") else "D"
    trained = "B'" if m.has("B'") else "B"
    return Finding(
        "overfitting",
        "error",
        f"The loss is {m.matrix.mean(trained):.3g} on training samples and "
        f"{m.matrix.mean(seen):.3g} on validation samples under the same statistics, "
        "and nothing that was changed closes the gap.",
        {
            "training_loss": m.matrix.mean(trained),
            "validation_loss": m.matrix.mean(seen),
            "gap": gap,
            "interval": [low, high],
            "chance": m.chance,
        },
        "stop earlier (kerasnorm.callbacks.EarlyStopping), augment, add data, or "
        "regularize: weight decay, dropout before the last layer",
        gap,
    )
