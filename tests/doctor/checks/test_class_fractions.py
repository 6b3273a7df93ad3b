"""Splits that hold other fractions of the classes, and what is not explained by it."""

import dataclasses

import numpy as np
import pytest

from kerasnorm.doctor.checks import class_fractions, training
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.loss_matrix.scores import Scores
from tests.doctor.checks.test_thresholds import measured


def _with_classes(first, second, right):
    """Return scores of 100 samples for each fraction, as often right in each class."""
    scores = {}
    for cell, fractions in (("B", first), ("D", second)):
        counts = np.round(1000 * np.array(fractions)).astype(int)
        labels = np.repeat(np.arange(len(counts)), counts)
        knows = np.concatenate(
            [
                np.arange(n) < n * fraction
                for n, fraction in zip(counts, right, strict=True)
            ]
        )
        said = np.where(knows, labels, (labels + 1) % len(counts))
        scores[cell] = Scores(labels, np.log(0.1 + 0.8 * np.eye(len(counts))[said]))
    return scores


@pytest.mark.parametrize(
    ("first", "second", "right", "is_found", "is_overfitted"),
    [
        # Known as well in both splits: only how often they occur differs.
        ((0.8, 0.15, 0.05), (0.34, 0.33, 0.33), (0.97, 0.6, 0.5), True, False),
        ((0.9, 0.1), (0.5, 0.5), (0.97, 0.5), True, False),
        # Validation is better for it: nothing to be explained.
        ((0.5, 0.5), (0.9, 0.1), (0.97, 0.5), False, False),
        # Alike, or too little apart.
        ((0.8, 0.2), (0.8, 0.2), (0.97, 0.5), False, False),
        ((0.8, 0.2), (0.75, 0.25), (0.97, 0.5), False, False),
    ],
)
def test_other_fractions_of_the_classes_are_no_overfitting(
    first, second, right, is_found, is_overfitted
):
    scores = _with_classes(first, second, right)
    losses = {cell: found.loss for cell, found in scores.items()}
    means = {cell: float(loss.mean()) for cell, loss in losses.items()}
    m = dataclasses.replace(measured(means, scores=scores), matrix=LossMatrix(losses))
    found = class_fractions.check_class_fractions(m)
    assert (found and found.code) == ("domain_shift" if is_found else None)
    worse = training.check_overfitting(m)
    assert (worse is not None and worse.severity == "error") is is_overfitted
    if found:
        assert found.evidence["accuracy_gap_weighted"] == pytest.approx(0, abs=0.01)


def test_what_is_known_of_training_samples_only_stays_overfitting():
    scores = _with_classes((0.9, 0.1), (0.5, 0.5), (1.0, 1.0))
    scores |= {"D": _with_classes((0.9, 0.1), (0.5, 0.5), (0.7, 0.3))["D"]}
    losses = {cell: found.loss for cell, found in scores.items()}
    means = {cell: float(loss.mean()) for cell, loss in losses.items()}
    m = dataclasses.replace(measured(means, scores=scores), matrix=LossMatrix(losses))
    assert training.check_overfitting(m).severity == "error"
    assert class_fractions.check_class_fractions(m) is None
