"""Judges whether moving statistics are wrong, and says what that costs."""

from kerasnorm.doctor.measurements import Measurements

# Healthy networks, trained with a falling learning rate, show up to 0.03 nats between
# moving and true statistics; most planted faults 0.2 and more.
STALE = 0.07
# Accuracy, in fractions of the samples, that a repair must change to be the verdict,
# and its lower 99% limit.
MATERIAL_POINTS, PROVED_POINTS = 0.03, 0.01
# Fraction of the training loss that stale statistics cost at least: 0.16 with single
# samples at the end of each epoch.
TRAIN_LOSES = 0.1
# Loss that one mixture of statistics costs against one for each input.
SHARED_COSTS = 0.1


def is_stale(m: Measurements) -> bool:
    """Return whether moving statistics are proved wrong, and repairing them matters.

    The proof is on training samples: the same samples at the same weights, moving
    against exact statistics. What it costs validation is another question: a network
    at chance has a lower validation loss than one that knows something and is sure of
    itself, so a loss that does not fall is no proof against.
    """
    on_train = m.difference("B", "B'")
    on_validation = m.difference("D", "D'")
    threshold = STALE * m.unit
    # A training loss near 0 has little to lose: then a fraction of it counts.
    little = TRAIN_LOSES * m.matrix.mean("B") if m.has("B") else threshold / 2
    loss_proves = on_train[1] > 0 and on_train[0] > min(threshold / 2, little)
    accuracy = m.accuracy_change("B", "B'")
    if not loss_proves and not (accuracy and accuracy.low >= PROVED_POINTS):
        return False
    costs_validation = on_validation[1] > 0 and on_validation[0] > threshold
    costs_training = on_train[1] > 0 and on_train[0] > threshold
    changes = [accuracy, m.accuracy_change("D", "D'")]
    costs_accuracy = any(
        change and change.value >= MATERIAL_POINTS and change.low >= PROVED_POINTS
        for change in changes
    )
    return costs_validation or costs_training or costs_accuracy


def is_shared(m: Measurements) -> bool:
    """Return whether a norm called on several inputs costs loss with exact statistics.

    Its moving statistics are then off as well, because they follow the input that was
    normalized last; that is a consequence, not a cause.
    """
    value, low, _ = m.difference("B'", "A")
    shared = bool(m.structure.shared_norms)
    return shared and low > 0 and value >= SHARED_COSTS * m.unit


def staleness_evidence(m: Measurements) -> dict:
    """Return loss and accuracy of both splits under moving and exact statistics."""
    value, low, high = (
        m.difference("D", "D'") if m.has("D") else m.difference("B", "B'")
    )
    return {
        "validation_loss": finite(m.matrix.mean("D")),
        "with_true_statistics": finite(m.matrix.mean("D'")),
        "costs": value,
        "interval": [low, high],
        "on_training_samples": m.difference("B", "B'")[0],
        **_accuracies(m),
        "steps": m.optimizer.steps,
        "momentum": max((n.momentum for n in m.norms), default=None),
    }


def _accuracies(m: Measurements) -> dict:
    """Return the accuracy of both splits before and after, and how sure it is."""
    found: dict = {}
    for split, cells in (("training", ("B", "B'")), ("validation", ("D", "D'"))):
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


def describe_costs(m: Measurements, evidence: dict) -> str:
    """Say what exact statistics change, on both splits."""
    parts = []
    for split, (before, after) in (
        ("training", ("B", "B'")),
        ("validation", ("D", "D'")),
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
    return f" Exact statistics change {' and '.join(parts)}." if parts else ""


def finite(value: float) -> float | None:
    """Return a number that JSON knows, None for NaN and infinity."""
    return float(value) if abs(value) < 1e30 else None
