import pytest

from tuning.objectives import Objective
from tuning.oracles.median_rule import verdict

LOSS = Objective("val_loss", "min")
OTHERS = [{e: 1.0 / e for e in range(1, 11)} for _ in range(5)]


def flat(value, epochs):
    return {epoch: value for epoch in range(1, epochs + 1)}


def test_a_trial_behind_half_of_the_others_ends():
    assert "earlier trials 0.25" in verdict(flat(0.9, 4), OTHERS, 4, 10, LOSS)


def test_a_trial_ahead_goes_on():
    assert verdict(flat(0.1, 4), OTHERS, 4, 10, LOSS) is None


def test_its_best_epoch_counts():
    curve = {1: 0.9, 2: 0.1, 3: 0.8, 4: 0.9}
    assert verdict(curve, OTHERS, 4, 10, LOSS) is None


def test_a_curve_without_numbers_ends():
    assert verdict(flat(float("nan"), 4), OTHERS, 4, 10, LOSS) is not None


@pytest.mark.parametrize("epoch", [1, 2, 10])
def test_neither_the_first_epochs_nor_the_last_end_a_trial(epoch):
    assert verdict(flat(9.0, epoch), OTHERS, epoch, 10, LOSS) is None


def test_few_trials_are_no_measure():
    assert verdict(flat(9.0, 4), OTHERS[:3], 4, 10, LOSS) is None


def test_trials_that_have_not_come_so_far_do_not_count():
    short = [flat(0.1, 2) for _ in range(9)]
    assert verdict(flat(9.0, 4), short, 4, 10, LOSS) is None


def test_accuracy_counts_the_other_way():
    accuracy = Objective("val_accuracy", "max")
    others = [flat(0.8, 10) for _ in range(4)]
    assert verdict(flat(0.7, 4), others, 4, 10, accuracy) is not None
    assert verdict(flat(0.9, 4), others, 4, 10, accuracy) is None
