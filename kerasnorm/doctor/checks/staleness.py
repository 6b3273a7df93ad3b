"""Judges whether moving statistics are wrong, and says what that costs."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.measurements import Measurements

# Healthy networks, trained with a falling learning rate, show up to 0.03 nats between
# moving and exact statistics; most planted faults 0.2 and more.
STALE = 0.07
# Accuracy, in fractions of the samples, that a repair must change to be the verdict,
# and its lower 99% limit.
MATERIAL_POINTS, PROVED_POINTS = 0.03, 0.01
# Part of the gap in loss that a repair closes at least where it matters to validation.
CLOSES = 0.2
# Fraction of the training loss that stale statistics cost at least: 0.16 with single
# samples at the end of each epoch.
TRAIN_LOSES = 0.1
# Loss that one mixture of statistics costs against one for each input.
SHARED_COSTS = 0.1


def staleness_is_proved(m: Measurements) -> bool:
    """Return whether moving statistics are proved wrong.

    The proof is on training samples: the same samples at the same weights, moving
    against exact statistics.
    """
    value, low, _ = m.difference(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)
    accuracy = m.accuracy_change(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)
    return (low > 0 and value > _least_training_loss(m)) or bool(
        accuracy and accuracy.low >= PROVED_POINTS
    )


def _least_training_loss(m: Measurements) -> float:
    """Return the training loss that a repair must save: less where it is small."""
    half = STALE * m.loss_unit / 2
    if not m.has(Cell.TRAIN_MOVING) or m.scale.perfect is None:
        return half
    return min(
        half, TRAIN_LOSES * max(m.matrix.mean(Cell.TRAIN_MOVING) - m.scale.perfect, 0.0)
    )


def is_stale(m: Measurements) -> bool:
    """Return whether moving statistics are proved wrong, and repairing them matters.

    What it costs validation is another question than whether it is so: a network at
    chance has a lower validation loss than one that knows something and is sure of
    itself, so a loss that does not fall is no proof against.
    """
    if not staleness_is_proved(m):
        return False
    costs = [
        m.difference(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED),
        m.difference(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED),
    ]
    changes = [
        m.accuracy_change(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED),
        m.accuracy_change(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED),
    ]
    return any(
        low > 0 and value > STALE * m.loss_unit for value, low, _ in costs
    ) or any(
        change and change.value >= MATERIAL_POINTS and change.low >= PROVED_POINTS
        for change in changes
    )


def is_minor(m: Measurements) -> bool:
    """Return whether a repair of the statistics helps validation little, beside a gap.

    Statistics that trail the weights by a few steps can cost some training accuracy in
    inference mode, which nobody sees in `fit`, while what keeps validation down is the
    gap that remains after the repair.
    """
    trained = m.accuracy_change(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)
    validation = m.accuracy_change(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)
    remains = m.accuracy_change(Cell.VALIDATION_RECALIBRATED, Cell.TRAIN_RECALIBRATED)
    if trained is None or validation is None or remains is None:
        return False
    saved = m.difference(Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)[0]
    gap = m.difference(Cell.VALIDATION_MOVING, Cell.TRAIN_RECALIBRATED)[0]
    helps = validation.value >= MATERIAL_POINTS or saved >= CLOSES * gap
    return not helps and remains.value > max(trained.value, MATERIAL_POINTS)


def is_shared(m: Measurements) -> bool:
    """Return whether a norm called on several inputs costs loss with exact statistics.

    Its moving statistics are then off as well, because they follow the input that was
    normalized last; that is a consequence, not a cause.
    """
    value, low, _ = m.difference(Cell.TRAIN_RECALIBRATED, Cell.TRAIN_BATCH_STATISTICS)
    shared = bool(m.structure.shared_norms)
    return shared and low > 0 and value >= SHARED_COSTS * m.loss_unit


def staleness_evidence(m: Measurements) -> dict:
    """Return loss and accuracy of both splits under moving and exact statistics."""
    on_train = m.difference(Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)
    value, low, high = on_train
    if m.has(Cell.VALIDATION_MOVING):
        value, low, high = m.difference(
            Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED
        )
    return {
        "validation_loss": m.matrix.mean(Cell.VALIDATION_MOVING),
        "with_true_statistics": m.matrix.mean(Cell.VALIDATION_RECALIBRATED),
        "costs": value,
        "interval": [low, high],
        "on_training_samples": on_train[0],
        **_accuracies(m),
        **_remainder(m),
        "steps": m.optimizer.steps,
        "momentum": max((n.momentum for n in m.norms), default=None),
    }


def _accuracies(m: Measurements) -> dict:
    """Return the accuracy of both splits before and after, and how sure it is."""
    found: dict = {}
    for split, cells in (
        ("training", (Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)),
        ("validation", (Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)),
    ):
        change = m.accuracy_change(*cells)
        if change is not None:
            before, after = (m.scores[cell] for cell in cells)
            found |= {
                f"{split}_accuracy": before.accuracy,
                f"{split}_accuracy_repaired": after.accuracy,
                f"{split}_accuracy_interval": [change.low, change.high],
                f"{split}_confidence": before.confidence,
                f"{split}_confidence_repaired": after.confidence,
            }
    return found


def _remainder(m: Measurements) -> dict:
    """Return what lies between the splits once the statistics are repaired."""
    points = m.accuracy_change(Cell.VALIDATION_RECALIBRATED, Cell.TRAIN_RECALIBRATED)
    if points is None:
        return {}
    return {
        "accuracy_gap_repaired": points.value,
        "accuracy_gap_repaired_interval": [points.low, points.high],
    }


def describe_costs(m: Measurements, evidence: dict) -> str:
    """Say what exact statistics change, on both splits."""
    parts = []
    for split, (before, after) in (
        ("training", (Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)),
        ("validation", (Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED)),
    ):
        if not m.has(before, after):
            continue
        part = (
            f"the {split} loss from {m.matrix.mean(before):.3g} to "
            f"{m.matrix.mean(after):.3g}"
        )
        if f"{split}_accuracy" in evidence:
            part += (
                f" (accuracy {evidence[f'{split}_accuracy']:.1%} to "
                f"{evidence[f'{split}_accuracy_repaired']:.1%})"
            )
        parts.append(part)
    if not parts:
        return ""
    remains = (
        f" {100 * evidence['accuracy_gap_repaired']:.1f} points of accuracy remain "
        "between training and validation."
        if "accuracy_gap_repaired" in evidence
        else ""
    )
    return f" Exact statistics change {' and '.join(parts)}.{remains}"
