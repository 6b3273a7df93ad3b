"""Judges whether the splits differ because they hold other fractions of each class."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from kerasnorm.doctor.checks.data import repaired_cells
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.measurements import Measurements

# Level of the test that fractions differ, and the part of the samples that would have
# to change their class: below it weights change nothing that matters.
ALPHA, MOVED = 0.001, 0.1
# Fewer validation samples of a class say too little to stand for many.
FEWEST = 10
# What other fractions must cost in accuracy, the lower limit of the gap that they are
# part of, and the part of that gap from which they are the cause.
COSTS, SURE, CAUSE = 0.03, 0.01, 0.5
NORMAL = 2.576


@dataclass(frozen=True)
class Weighted:
    """Validation against training, each class counting as often as in training.

    Args:
        fractions: Fraction of each class in training.
        validation_fractions: The same in validation.
        accuracy: Validation accuracy, weighted.
        points: Training accuracy minus `accuracy`, with 99% interval.
        loss: Weighted validation loss minus training loss, with 95% interval.
    """

    fractions: tuple[float, ...]
    validation_fractions: tuple[float, ...]
    accuracy: float
    points: tuple[float, float, float]
    loss: tuple[float, float, float]


def weigh_classes(m: Measurements) -> Weighted | None:
    """Compare the splits as if validation had the classes that training has.

    Args:
        m: What was measured.

    Returns:
        The comparison after all repairs, None where fractions are alike, labels are no
        classes, or a class of training has too few validation samples.
    """
    trained, seen = repaired_cells(m)
    if trained not in m.scores or seen not in m.scores:
        return None
    train, validation = m.scores[trained], m.scores[seen]
    classes = max(train.labels.max(), validation.labels.max()) + 1
    counts = [np.bincount(s.labels, minlength=classes) for s in (train, validation)]
    present = counts[0] > 0
    if present.sum() < 2 or counts[1][present].min() < FEWEST:
        return None
    fractions, others = (count / count.sum() for count in counts)
    either = counts[0] + counts[1] > 0
    p_value = stats.chi2_contingency(np.stack(counts)[:, either])[1]
    if p_value > ALPHA or np.abs(fractions - others).sum() / 2 < MOVED:
        return None
    right = _weighted_mean(validation, validation.correct, fractions)
    lost = _weighted_mean(validation, m.matrix.losses[seen], fractions)
    correct, losses = train.correct, m.matrix.losses[trained]
    return Weighted(
        tuple(fractions.tolist()),
        tuple(others.tolist()),
        right[0],
        _interval(float(correct.mean()) - right[0], _error(correct), right[1], NORMAL),
        _interval(lost[0] - float(losses.mean()), _error(losses), lost[1], 1.96),
    )


def _weighted_mean(
    scores: Scores, values: np.ndarray, fractions: np.ndarray
) -> tuple[float, float]:
    """Return the mean with classes in these fractions, and its standard error."""
    mean = variance = 0.0
    for number in np.flatnonzero(fractions):
        own = values[scores.labels == number].astype("float64")
        mean += fractions[number] * own.mean()
        # One more of each keeps the error of a class without mistakes above 0.
        variance += fractions[number] ** 2 * (own.var() / len(own) + len(own) ** -2.0)
    return float(mean), float(variance**0.5)


def _error(values: np.ndarray) -> float:
    return float(values.std() / np.sqrt(len(values)))


def _interval(
    value: float, first: float, second: float, quantile: float
) -> tuple[float, float, float]:
    error = quantile * float(np.hypot(first, second))
    return value, value - error, value + error


def check_class_fractions(m: Measurements) -> Finding | None:
    """Find a gap that other fractions of the classes explain."""
    weighted, (trained, seen) = weigh_classes(m), repaired_cells(m)
    points = m.accuracy_change(seen, trained)
    if weighted is None or points is None or points.low < SURE:
        return None
    costs = points.value - weighted.points[0]
    if costs < COSTS or costs < CAUSE * points.value:
        return None
    validation = m.scores[seen]
    train_fractions, validation_fractions = (
        weighted.fractions,
        weighted.validation_fractions,
    )
    most = int(np.abs(np.subtract(train_fractions, validation_fractions)).argmax())
    return Finding(
        "domain_shift",
        "error",
        f"The splits hold other fractions of the classes: class {most} is "
        f"{train_fractions[most]:.0%} of training and "
        f"{validation_fractions[most]:.0%} of validation. Validation accuracy is "
        f"{validation.accuracy:.1%}; with the "
        f"classes as often as in training {weighted.accuracy:.1%}, "
        f"{100 * weighted.points[0]:.1f} points from training.",
        {
            "reason": "class_fractions",
            "training_fractions": list(train_fractions),
            "validation_fractions": list(validation_fractions),
            "validation_accuracy": validation.accuracy,
            "validation_accuracy_weighted": weighted.accuracy,
            "accuracy_gap_weighted": weighted.points[0],
            "accuracy_gap_weighted_interval": list(weighted.points[1:]),
        },
        "split by class (stratified), so that both hold the fractions that the model "
        "will meet; where validation is right, class_weight={class: fraction in "
        "validation / fraction in training}",
        max(m.difference(seen, trained)[0] - weighted.loss[0], 0.0),
    )
