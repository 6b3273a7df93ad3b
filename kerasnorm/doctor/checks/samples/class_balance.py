"""Judges whether outputs favour classes, by what correcting them alone changes."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.checks.class_fractions import check_class_fractions
from kerasnorm.doctor.checks.data import repaired_cells
from kerasnorm.doctor.finding import Finding
from kerasnorm.doctor.loss_matrix.proportions import ALPHA, Change, paired_change
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.measurements import Measurements

# Fraction of the answers that name one class, and of the samples that are of it at
# most: with unequal classes the largest one is often the right answer.
COLLAPSED, OF_IT = 0.95, 0.8
# How many times as frequent the most frequent class is, and the part of the other
# classes' recall below which a rare class suffers.
UNEQUAL, SUFFERS = 3.0, 0.5
# Fewer validation samples of a class say too little.
FEWEST = 10
# Accuracy that a correction gains, and its lower 99% limit.
MATERIAL, PROVED = 0.03, 0.01
# Balanced accuracy counts a class of ten samples as much as one of a thousand.
BALANCED = 0.05
# Level of the test that fractions differ, and part of the samples that differ.
SIGNIFICANT, MOVED = 0.001, 0.1
ROUNDS = 100


@dataclass(frozen=True)
class _Both:
    """Scores of both splits after all repairs, and how often each class occurs."""

    train: Scores
    validation: Scores

    @property
    def classes(self) -> int:
        return self.train.log_p.shape[1]

    def fractions(self, scores: Scores) -> np.ndarray:
        return np.bincount(scores.labels, minlength=self.classes) / len(scores.labels)


def _both(m: Measurements) -> _Both | None:
    trained, seen = repaired_cells(m)
    if trained not in m.scores or seen not in m.scores:
        return None
    found = _Both(m.scores[trained], m.scores[seen])
    same = found.validation.log_p.shape[1] == found.classes
    return found if same and (found.fractions(found.train) > 0).sum() > 1 else None


def check_collapse(m: Measurements) -> Finding | None:
    """Find a network that answers one class for nearly every sample.

    Outputs that lean to one class may still know the others. Biases that make its mean
    answer on training samples the class fractions tell: accuracy on validation samples
    rises where something is known.
    """
    both = _both(m)
    if both is None:
        return None
    answers = np.bincount(both.train.log_p.argmax(axis=1), minlength=both.classes)
    top = int(answers.argmax())
    fraction = float(answers[top] / answers.sum())
    fractions = both.fractions(both.train)
    if fraction < COLLAPSED or fractions[top] > OF_IT or not _collapses_in_training(m):
        return None
    seen = both.validation
    biases = matching_biases(both.train.log_p, fractions)
    after = (seen.log_p + biases).argmax(axis=1) == seen.labels
    change = paired_change(seen.correct, after)
    helps = change.value >= MATERIAL and change.low >= PROVED
    because = (
        f" Corrected by a bias for each class, validation accuracy rises from "
        f"{seen.accuracy:.1%} to {after.mean():.1%}: it knows them, and says so too "
        "rarely."
        if helps
        else " A bias for each class does not help: nothing is known of the others."
    )
    return Finding(
        "class_collapse",
        "error" if helps else "info",
        f"The network answers class {top} for {fraction:.0%} of the training samples, "
        f"of which {fractions[top]:.0%} are of it.{because}",
        {
            "class": top,
            "answers": fraction,
            "labels": float(fractions[top]),
            "biases": biases.tolist(),
            **_change_of(seen, after, change),
        },
        effect=max(change.value, 0.0) * m.loss_unit,
    )


def _collapses_in_training(m: Measurements) -> bool:
    """Return whether batch statistics leave the answers at one class.

    Where they do not, statistics are what is wrong, and not the biases.
    """
    scores = m.scores.get(Cell.TRAIN_BATCH_STATISTICS)
    if scores is None:
        return True
    answers = np.bincount(scores.log_p.argmax(axis=1))
    return bool(answers.max() >= COLLAPSED * answers.sum())


def check_imbalance(m: Measurements) -> Finding | None:
    """Find rare classes that the network names too rarely."""
    both = _both(m)
    if both is None or m.has_learned_little:
        return None
    fractions, seen = both.fractions(both.train), both.validation
    counts = np.bincount(seen.labels, minlength=both.classes)
    usable = (fractions > 0) & (counts >= FEWEST)
    if usable.sum() < 2 or fractions.max() < UNEQUAL * fractions[usable].min():
        return None
    biases = -np.log(np.where(fractions > 0, fractions, 1.0))
    after = (seen.log_p + biases).argmax(axis=1) == seen.labels
    numbers = np.flatnonzero(usable)
    recalls, corrected = (
        np.array([right[seen.labels == number].mean() for number in numbers])
        for right in (seen.correct, after)
    )
    rare = int(
        np.where(fractions[numbers] * UNEQUAL <= fractions.max(), recalls, 2).argmin()
    )
    if recalls[rare] >= SUFFERS * np.delete(recalls, rare).mean():
        return None
    gain, low = _balanced_gain(seen, after, numbers)
    helps = gain >= BALANCED and low >= PROVED
    number = int(numbers[rare])
    loss = seen.loss[seen.labels == number].mean() - seen.loss.mean()
    return Finding(
        "class_imbalance",
        "warning" if helps else "info",
        f"Class {number}, {fractions[number]:.1%} of the training samples, is "
        f"recognized in {recalls[rare]:.0%} of its validation samples, the others in "
        f"{np.delete(recalls, rare).mean():.0%}. With outputs divided by the class "
        f"fractions it is {corrected[rare]:.0%}, and the mean over the classes "
        f"{recalls.mean():.1%} to {corrected.mean():.1%}.",
        {
            "class": number,
            "fractions": fractions.tolist(),
            "classes": numbers.tolist(),
            "recalls": recalls.tolist(),
            "recalls_corrected": corrected.tolist(),
            "balanced_accuracy_gain": gain,
            "balanced_accuracy_gain_low": low,
            "excess_loss_of_the_class": float(loss),
        },
        f"class_weight={{{number}: {fractions.max() / fractions[number]:.0f}}} in fit, "
        "or more samples of it; outputs of this model can be divided by the class "
        "fractions of training",
        max(float(loss) * float(fractions[number]), 0.0),
    )


def check_label_drift(m: Measurements) -> Finding | None:
    """Find splits that hold other fractions of the classes, and what it changes."""
    both = _both(m)
    if both is None:
        return None
    fractions, others = (both.fractions(s) for s in (both.train, both.validation))
    counts = np.stack(
        [fractions * len(both.train.labels), others * len(both.validation.labels)]
    )
    p_value = stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0])[1]
    moved = float(np.abs(fractions - others).sum() / 2)
    if p_value > SIGNIFICANT or moved < MOVED:
        return None
    seen = both.validation
    after = _with_other_priors(seen, fractions)
    change = paired_change(seen.correct, after)
    helps = change.value >= MATERIAL and change.low >= PROVED
    # The same cause with a larger cost has said it.
    severity = "warning" if helps and not check_class_fractions(m) else "info"
    most = int(np.abs(fractions - others).argmax())
    return Finding(
        "label_drift",
        severity,
        f"Class {most} is {fractions[most]:.0%} of training and {others[most]:.0%} of "
        "validation. With the class fractions of validation in the outputs, "
        f"validation accuracy goes from {seen.accuracy:.1%} to {after.mean():.1%}.",
        {
            "training_fractions": fractions.tolist(),
            "validation_fractions": others.tolist(),
            "p_value": float(p_value),
            **_change_of(seen, after, change),
        },
        effect=max(change.value, 0.0) * m.loss_unit,
    )


def _with_other_priors(scores: Scores, fractions: np.ndarray) -> np.ndarray:
    """Return what is right with the fractions of the other half of the samples."""
    right = np.empty(len(scores.labels), bool)
    order = np.random.default_rng(0).permutation(len(right))
    halves = np.array_split(order, 2)
    for known, half in (halves, halves[::-1]):
        # One more of each keeps a class that the half lacks possible.
        counts = np.bincount(scores.labels[known], minlength=len(fractions)) + 1
        odds = np.log(counts / counts.sum()) - np.log(np.maximum(fractions, 1e-3))
        answers = (scores.log_p[half] + odds).argmax(axis=1)
        right[half] = answers == scores.labels[half]
    return right


def matching_biases(log_p: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return a bias for each class with which the mean output is the class fractions.

    Args:
        log_p: Log probabilities of (samples, classes).
        fractions: Fraction of each class; one that never occurs gets no bias.
    """
    biases = np.zeros(log_p.shape[1])
    present = fractions > 0
    for _ in range(ROUNDS):
        scores = log_p + biases
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        mean = (p / p.sum(axis=1, keepdims=True)).mean(axis=0)
        biases[present] += np.log(fractions[present] / np.maximum(mean[present], 1e-9))
    return biases - biases[present].mean()


def _balanced_gain(
    scores: Scores, after: np.ndarray, classes: np.ndarray
) -> tuple[float, float]:
    """Return the gain of the mean recall over classes and its lower 99% limit."""
    gains, variance = [], 0.0
    for number in classes:
        own = scores.labels == number
        gain = after[own].astype(float) - scores.correct[own]
        gains.append(gain.mean())
        variance += gain.var() / len(gain) + len(gain) ** -2.0
    error = variance**0.5 / len(gains)
    gain = float(np.mean(gains))
    return gain, gain - float(stats.norm.ppf(1 - ALPHA / 2) * error)


def _change_of(scores: Scores, after: np.ndarray, change: Change) -> dict:
    return {
        "validation_accuracy": scores.accuracy,
        "validation_accuracy_corrected": float(after.mean()),
        "gain_interval": [change.low, change.high],
    }
