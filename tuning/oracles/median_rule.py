"""Ends a trial that does worse than half of the trials before it at the same epoch."""

import statistics
from collections.abc import Mapping, Sequence

from ..objectives import Objective

# With fewer curves to compare with, half of them are too few to mean anything.
FEWEST_TRIALS = 4
# Warm-up and the first steps say little about the end.
FEWEST_EPOCHS = 3
LEAST_SHARE = 0.15

Curve = Mapping[int, float]


def first_epoch(epochs: int) -> int:
    """Return the first epoch after which a trial may be ended.

    Args:
        epochs: Epochs planned.
    """
    return max(FEWEST_EPOCHS, round(LEAST_SHARE * epochs))


def best_until(curve: Curve, epoch: int, objective: Objective) -> float | None:
    """Return the best value of a curve up to an epoch; None if it has no such value.

    Args:
        curve: Values by epoch, counted from 1.
        epoch: The epoch.
        objective: Which way is better.
    """
    values = [v for at, v in curve.items() if at <= epoch and abs(v) < float("inf")]
    if not values or max(curve) < epoch:
        return None
    return min(values) if objective.direction == "min" else max(values)


def verdict(
    curve: Curve,
    others: Sequence[Curve],
    epoch: int,
    epochs: int,
    objective: Objective,
) -> str | None:
    """Return why a trial should end now; None to let it continue.

    Its best value so far is compared with the median of what the others had reached
    by the same epoch: a curve that is slow to begin with is not punished for one bad
    epoch.

    Args:
        curve: The trial's values by epoch, counted from 1.
        others: Curves of the trials that began earlier.
        epoch: The epoch just completed.
        epochs: Epochs planned; in the last one nothing is left to save.
        objective: What is looked for.

    Reference:
        Golovin et al. 2017, Google Vizier, section 3.2 (median stopping rule; there
        the median is over running averages).
    """
    if not first_epoch(epochs) <= epoch < epochs:
        return None
    reached = [best_until(other, epoch, objective) for other in others]
    known = [value for value in reached if value is not None]
    if len(known) < FEWEST_TRIALS:
        return None
    median = statistics.median(known)
    best = best_until(curve, epoch, objective)
    if best is not None and not objective.is_better(median, best):
        return None
    shown = "no number" if best is None else f"{best:.4g}"
    return (
        f"the median rule: after epoch {epoch} its best {objective.name} was {shown}, "
        f"that of {len(known)} earlier trials {median:.4g}"
    )
