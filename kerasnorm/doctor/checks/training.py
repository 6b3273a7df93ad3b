"""Judges the training: overfitting, wrong labels, learning rate, precision."""

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.class_fractions import weigh_classes
from kerasnorm.doctor.checks.data import (
    check_augmentation,
    check_domain,
    check_mapping,
    repaired_cells,
)
from kerasnorm.doctor.checks.labels import check_labels
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.measurements import Measurements

# Generalization costs up to 0.38 nats in runs that end well, 1.5 in overfitted ones.
# What makes it an error is half a nat, or with few classes, where guessing costs
# little, so large a fraction of that. Below it is worth knowing; small validation sets
# are kept out by the lower limit of the interval.
OVERFITTED = 0.5
# Accuracy that training is ahead, and its lower 99% limit, from which a gap is large.
LARGE_POINTS, SURE_POINTS = 0.10, 0.05
# Validation loss above its own minimum that makes a gap large.
RISEN = 0.15
OVERFITTED_OF_CHANCE = 0.4
NOTICED = 0.3
SURELY = 0.15
LARGEST_SCALE_LOST = 1.0


def check_overfitting(m: Measurements) -> Finding | None:
    """Find a gap that no other statistics, inputs or labels repair, where it is large.

    What remains after all repairs is no fault by itself: every network knows its
    training samples better. It is one where it costs much accuracy, or where the
    validation loss lies above what it was, or could be at the same accuracy.
    """
    trained, seen = repaired_cells(m)
    weighted = weigh_classes(m)
    gap, low, high = weighted.loss if weighted else m.difference(seen, trained)
    noticed = (
        gap >= min(NOTICED * m.loss_unit, _harmful(m)) and low >= SURELY * m.loss_unit
    )
    large = _is_large(m)
    if not noticed and not large:
        return None
    if check_labels(m) or check_domain(m):
        return None
    if check_mapping(m) and seen != Cell.VALIDATION_MAPPED:
        return None
    if check_augmentation(m):
        return None
    possible = m.label_noise is not None and m.label_noise.possible
    points = m.accuracy_change(seen, trained)
    accuracies = ""
    if points:
        first, second = m.scores[trained].accuracy, m.scores[seen].accuracy
        accuracies = f" (accuracy {first:.1%} and {second:.1%})"
    if weighted:
        accuracies += f", {gap:.3g} apart with the classes as often as in training,"
    return Finding(
        "overfitting",
        "error" if large else "info",
        f"The loss is {m.matrix.mean(trained):.3g} on training samples and "
        f"{m.matrix.mean(seen):.3g} on validation samples{accuracies} under the same "
        "statistics, and nothing that was changed closes the gap.",
        {
            "training_loss": m.matrix.mean(trained),
            "validation_loss": m.matrix.mean(seen),
            "gap": gap,
            "interval": [low, high],
            "chance": m.prior_entropy,
            **(
                {
                    "training_accuracy": m.scores[trained].accuracy,
                    "validation_accuracy": m.scores[seen].accuracy,
                    "accuracy_gap": points.value,
                    "accuracy_gap_interval": [points.low, points.high],
                }
                if points
                else {}
            ),
            **(
                {"best_epoch": m.curves.best_epoch, "lowest": m.curves.lowest}
                if m.curves
                else {}
            ),
        },
        effect=gap,
        alternatives=("label_noise",) if possible else (),
    )


def _is_large(m: Measurements) -> bool:
    """Return whether what remains after all repairs is a fault."""
    trained, seen = repaired_cells(m)
    weighted, points = weigh_classes(m), m.accuracy_change(seen, trained)
    gap, low, _ = weighted.loss if weighted else m.difference(seen, trained)
    if points is None:
        # How much losses differ says nothing of what there is to lose.
        proved = gap >= _harmful(m) and low >= SURELY * m.loss_unit
        return proved and not m.scale.is_spread
    value, sure = (points.value, points.low)
    if weighted:
        value, sure = weighted.points[:2]
    if value >= LARGE_POINTS and sure >= SURE_POINTS:
        return True
    if low <= 0 or not sure > 0:
        return False
    # These weights against the best of the same training, or, without a history,
    # against the same outputs with a confidence that fits them.
    # A history of wrong validation inputs says nothing of the right ones.
    if m.curves and m.curves.best_epoch and seen != Cell.VALIDATION_MAPPED:
        means = m.matrix.means()
        return (
            means.get(seen, 0.0) + m.added_loss - m.curves.lowest >= RISEN * m.loss_unit
        )
    scores = m.scores[seen]
    excess = scores.loss - scores.calibrated_loss
    return gap >= _harmful(m) and float(excess.mean()) >= RISEN * m.loss_unit


def _harmful(m: Measurements) -> float:
    """Return the gap from which overfitting is an error."""
    largest = OVERFITTED * m.loss_unit
    if m.prior_entropy is None or m.guessing is None or m.scale.perfect is None:
        return largest
    to_know = m.guessing - m.scale.perfect
    return min(largest, OVERFITTED_OF_CHANCE * to_know) if to_know > 0 else largest


def check_learning_rate(m: Measurements) -> Finding | None:
    """Find a rate at which training fails where a fraction of it does not."""
    trial = m.rate_trial
    if trial is None or not trial.is_too_high:
        return None
    # A network that has learned has not failed, whatever a slower rate would do.
    if m.weights_finite and m.scores and not m.has_learned_little:
        return None
    slower = trial.learning_rate * trial.fraction
    at_rate, below = trial.losses, trial.slower_losses
    on, guessing = "training samples left out of it", True
    if trial.explodes:
        at_rate, below = trial.training_losses, trial.slower_training_losses
        on, guessing = "the training samples", False
    worst, best = max(below), min(at_rate)
    most = trial.most_steps or trial.steps
    steps = f"{trial.steps} to {most}" if most > trial.steps else f"{trial.steps}"
    return Finding(
        "learning_rate_too_high",
        "error",
        f"From new weights, up to {steps} steps at {trial.learning_rate:.3g} "
        + (f"end at a loss of {best:.3g} or more" if best < 1e30 else "diverge")
        + f" on {on}, as many at {slower:.2g} at {worst:.3g} or less "
        f"({len(at_rate)} and {len(below)} trainings"
        + (f"; guessing gives {trial.chance:.3g})." if guessing else ")."),
        {
            "learning_rate": trial.learning_rate,
            "losses": list(trial.losses),
            "training_losses": list(trial.training_losses),
            "slower_learning_rate": slower,
            "losses_at_slower_rate": list(trial.slower_losses),
            "training_losses_at_slower_rate": list(trial.slower_training_losses),
            "loss_of_guessing": trial.chance,
            "steps": trial.steps,
            "most_steps": most,
            **({"share_of_rising_epochs": m.curves.jumps} if m.curves else {}),
            "loss_deviation_within_epoch": m.extra.get("loss_within_epoch", {}).get(
                "deviation"
            ),
        },
        f"learning_rate={slower:.2g}, with a warm-up; "
        "kerasnorm.callbacks.LearningRateFinder finds a better one",
        max(trial.chance - max(trial.slower_losses), 0.0),
    )


def check_diverged(m: Measurements) -> Finding | None:
    """Find weights that are not numbers where no shorter training explained them."""
    if m.weights_finite or check_learning_rate(m):
        return None
    half = m.precision is not None
    return Finding(
        "mixed_precision_overflow" if half else "learning_rate_too_high",
        "error",
        "Trainable weights are not finite numbers: training diverged."
        + (" Float16 overflow or too high a learning rate." if half else ""),
        {"float16": half, "learning_rate": m.optimizer.learning_rate},
        "train again with a tenth of the learning rate and "
        "keras.callbacks.TerminateOnNaN()" + (", in float32 to decide" if half else ""),
        1.0,
        alternatives=("learning_rate_too_high",) if half else ("broken_statistics",),
    )


def check_precision(m: Measurements) -> Finding | None:
    """Find outputs that overflow in float16 only."""
    p = m.precision
    if p is None:
        return None
    scale = m.optimizer.loss_scale
    overflows = p.overflowing > p.overflowing_in_float32
    collapsed = scale is not None and scale < LARGEST_SCALE_LOST
    if not overflows and not collapsed:
        return None
    return Finding(
        "mixed_precision_overflow",
        "error",
        f"{p.overflowing:.0%} of the outputs overflow in float16, "
        f"{p.overflowing_in_float32:.0%} in float32 with the same weights."
        if overflows
        else f"The loss scale has fallen to {scale:.2g}: gradients overflow.",
        {
            "overflowing": p.overflowing,
            "overflowing_in_float32": p.overflowing_in_float32,
            "loss_scale": scale,
        },
        effect=1.0,
    )
