"""Says what remains between the splits, and which effects would have been seen."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.class_fractions import weigh_classes
from kerasnorm.doctor.checks.data import repaired_cells
from kerasnorm.doctor.checks.staleness import staleness_is_proved
from kerasnorm.doctor.measurements import Measurements


def measure_remainder(m: Measurements) -> dict | None:
    """Return the points of accuracy that remain between the splits.

    Args:
        m: What was measured.

    Returns:
        Their value and 99% interval as JSON values, None where labels are no classes.
    """
    trained, seen = repaired_cells(m)
    points = m.accuracy_change(seen, trained)
    if points is None:
        return None
    return {"accuracy": points.value, "interval": [points.low, points.high]}


def describe_remainder(m: Measurements) -> str:
    """Return sentences on what lies between the splits after all repairs.

    Args:
        m: What was measured.

    Returns:
        Accuracy of both splits after all repairs, their difference with interval, and
        the smallest effect of stale statistics that would have been seen where none
        was; empty where labels are no classes.
    """
    trained, seen = repaired_cells(m)
    points = m.accuracy_change(seen, trained)
    if points is None:
        return ""
    first, second = m.scores[trained], m.scores[seen]
    text = (
        f"Training accuracy {first.accuracy:.1%} ({len(first.labels)} samples), "
        f"validation {second.accuracy:.1%} ({len(second.labels)} samples): "
        f"{100 * points.value:.1f} points remain (99% interval "
        f"{100 * points.low:.1f} to {100 * points.high:.1f})."
    )
    weighted = weigh_classes(m)
    if weighted is not None:
        value, low, high = (100 * part for part in weighted.points)
        text += (
            f" With the classes as often as in training, {value:.1f} points remain "
            f"({low:.1f} to {high:.1f})."
        )
    change = m.accuracy_change(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)
    if change is not None and not staleness_is_proved(m):
        text += (
            f" Stale statistics that cost {100 * change.detectable:.1f} points of "
            "validation accuracy would have been seen."
        )
    return text
