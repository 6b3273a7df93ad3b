"""Checks on made-up measurements, on both sides of what decides."""

import dataclasses

import numpy as np
import pytest

from kerasnorm.doctor.checks import batches, labels, remainder, staleness, training
from kerasnorm.doctor.loss_matrix.loss_scale import LossScale
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.labels.labels import ClassPermutation
from kerasnorm.doctor.probes.optimizer import OptimizerState
from kerasnorm.doctor.probes.precision import Precision
from kerasnorm.doctor.probes.rates.rate_trial import RateTrial
from kerasnorm.doctor.probes.structure import Structure


class Draws:
    """Stands in for the bootstrap: every difference is known to 0.01."""

    def __init__(self, means):
        self.means = means

    def difference(self, first, second):
        value = self.means[first] - self.means[second]
        return value, value - 0.01, value + 0.01


def measured(means, chance=1.386, **probes):
    matrix = LossMatrix({cell: np.full(8, mean) for cell, mean in means.items()})
    unknown = Measurements(
        matrix,
        Draws(means),
        None,
        LossScale(1.0, perfect=0.0),
        chance,
        32,
        32,
        10,
        None,
        None,
    )
    return dataclasses.replace(unknown, **probes)


@pytest.mark.parametrize(
    ("gap", "chance", "severity"),
    [
        (0.28, 1.386, None),
        (0.4, 1.386, "info"),
        (0.49, 1.386, "info"),
        (0.51, 1.386, "error"),
        (0.26, 0.693, None),
        (0.29, 0.693, "error"),
        (0.49, None, "info"),
    ],
)
def test_overfitting_is_news_first_and_an_error_later(gap, chance, severity):
    found = training.check_overfitting(measured({"B": 0.1, "D": 0.1 + gap}, chance))
    assert (found and found.severity) == severity


@pytest.mark.parametrize("loss_of_training", [0.3, 300.0, -2.0])
@pytest.mark.parametrize(("permuted", "is_found"), [(1.3, False), (0.9, True)])
def test_an_exchange_must_explain_half_of_what_validation_costs(
    permuted, is_found, loss_of_training
):
    # The exchange is measured in nats; the compiled loss may count in another unit.
    exchange = ClassPermutation(
        (1, 0), 2.0, permuted, 0.2, 0.2, 0.4, loss_on_training=0.3
    )
    found = labels.check_labels(measured({"B": loss_of_training}, permutation=exchange))
    assert (found is not None) is is_found


@pytest.mark.parametrize(
    ("saved", "on_training", "is_found"),
    [(0.29, 0.0, False), (0.31, 0.0, True), (0.5, 0.25, False), (0.5, -0.25, True)],
)
def test_an_exchange_must_save_more_than_healthy_runs_do(saved, on_training, is_found):
    exchange = ClassPermutation(
        (1, 0), 1.0, 1.0 - saved, 0.1, 0.2, 0.4, on_training, loss_on_training=0.9
    )
    found = labels.check_labels(measured({"B": 0.9}, permutation=exchange))
    assert (found is not None) is is_found
    if found:
        assert found.effect == pytest.approx(saved)
        assert "from 20.0% to 40.0%" in found.summary


def test_labels_that_do_not_fit_count_as_one_nat():
    found = labels.check_head(measured({"B": 1.0}, label_mismatch="two of three"))
    assert (found.code, found.effect) == ("label_mismatch", 1.0)
    assert found.summary == "Two of three."


@pytest.mark.parametrize("knows_classes", [True, False])
def test_what_exact_statistics_change_is_told_of_both_splits(knows_classes):
    means = {"B": 0.5, "B'": 0.25, "D": 2.0, "D'": 0.75}
    accuracies = {
        "training_accuracy": 0.6,
        "training_accuracy_repaired": 0.7,
        "validation_accuracy": 0.1,
        "validation_accuracy_repaired": 0.65,
        "accuracy_gap_repaired": 0.05,
    }
    told = staleness.describe_costs(
        measured(means), accuracies if knows_classes else {}
    )
    words = (
        " Exact statistics change the training loss from 0.5 to 0.25{} and the "
        "validation loss from 2 to 0.75{}.{}"
    )
    assert told == words.format(
        *(
            (
                " (accuracy 60.0% to 70.0%)",
                " (accuracy 10.0% to 65.0%)",
                " 5.0 points of accuracy remain between training and validation.",
            )
            if knows_classes
            else ("", "", "")
        )
    )


HALF = Precision(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("precision", "code"),
    [(None, "learning_rate_too_high"), (HALF, "mixed_precision_overflow")],
)
def test_weights_that_are_no_numbers_are_told_with_the_precision(precision, code):
    m = measured(
        {"B": 1.0},
        weights_finite=False,
        precision=precision,
        optimizer=OptimizerState(),
    )
    found = training.check_diverged(m)
    assert found.code == code
    assert ("Float16 overflow or" in found.summary) is (precision is HALF)
    assert ("in float32 to decide" in found.remedy) is (precision is HALF)
    assert found.evidence["float16"] is (precision is HALF)


@pytest.mark.parametrize(
    ("scale", "overflowing", "is_found"),
    [(2.0, 0.0, False), (0.5, 0.0, True), (2.0, 0.1, True), (None, 0.0, False)],
)
def test_float16_is_blamed_for_overflows_and_a_lost_scale(scale, overflowing, is_found):
    m = measured(
        {"B": 1.0},
        precision=Precision(overflowing, 0.0, 0.0),
        optimizer=OptimizerState(loss_scale=scale),
    )
    assert (training.check_precision(m) is not None) is is_found


@pytest.mark.parametrize(
    ("size", "steps", "code"),
    [
        (2, 1, "small_batch"),
        (16, 1, "small_batch"),
        (17, 1, None),
        (2, 2, "gradient_accumulation"),
        (1, 1, "single_sample_batch"),
    ],
)
def test_small_batches_are_those_of_sixteen_and_less(size, steps, code):
    m = measured(
        {"As": 0.4, "A64": 0.3},
        batch_size=size,
        structure=Structure(),
        optimizer=OptimizerState(accumulation_steps=steps),
    )
    found = batches.check_small_batch(m)
    assert (found and found.code) == code


@pytest.mark.parametrize(("on_train", "is_stale"), [(0.005, False), (0.02, True)])
def test_a_small_training_loss_counts_by_its_share(on_train, is_stale):
    means = {"B": 0.1, "B'": 0.1 - on_train, "D": 0.5, "D'": 0.35}
    assert staleness.is_stale(measured(means)) is is_stale


@pytest.mark.parametrize(
    ("losses", "skills", "is_found"),
    [
        ((1.4, 1.39, 1.3), (0.4, 0.5, 0.6), True),
        ((np.inf, np.inf, np.inf), (0.4, 0.5, 0.6), True),
        # One run at the rate learns as slower ones do, or no slower one learns.
        ((1.4, 1.39, 0.8), (0.4, 0.5, 0.6), False),
        ((1.4, 1.39, 1.3), (0.4, 0.5, 0.05), False),
        ((), (0.05,), False),
    ],
)
def test_a_rate_is_too_high_where_every_slower_run_learns(losses, skills, is_found):
    slower = (0.7, 0.6, 0.5)[: len(skills)]
    trial = RateTrial(0.5, 0.01, 240, 1.4, losses, slower, skills, {})
    found = training.check_learning_rate(measured({"B": 1.39}, rate_trial=trial))
    assert (found is not None) is is_found


@pytest.mark.parametrize("repaired", [True, False], ids=["repaired", "as given"])
def test_what_remains_is_told_of_repaired_statistics_with_its_interval(repaired):
    def right(share):
        correct = np.arange(100) < 100 * share
        log_p = np.log(np.where(correct[:, None], [0.2, 0.8], [0.8, 0.2]))
        return Scores(np.ones(100, int), log_p)

    shares = {"B": 0.6, "D": 0.5} | ({"B'": 0.9, "D'": 0.7} if repaired else {})
    means = dict.fromkeys(shares, 0.5)
    scores = {cell: right(share) for cell, share in shares.items()}
    found = remainder.measure_remainder(measured(means, scores=scores))
    assert found["accuracy"] == pytest.approx(0.2 if repaired else 0.1)
    low, high = found["interval"]
    assert low < found["accuracy"] < high
    assert high - low == pytest.approx(
        2 * 2.576 * (0.0030 if repaired else 0.0049) ** 0.5, rel=0.1
    )


def test_nothing_is_told_to_remain_where_labels_are_no_classes():
    assert remainder.measure_remainder(measured({"B": 0.5, "D": 0.6})) is None
