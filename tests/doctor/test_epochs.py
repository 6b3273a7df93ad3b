"""Examinations of one training beside each other."""

import pytest

from kerasnorm.doctor.epochs import find_validation_spikes
from kerasnorm.doctor.examination import Examination


def series(*losses, error=0.02):
    return {
        epoch: Examination((), None, {"D'": loss}, {"validation_loss_error": error})
        for epoch, loss in enumerate(losses)
    }


def test_a_leap_up_and_down_is_found():
    finding = find_validation_spikes(series(0.7, 1.4, 0.5))
    assert finding.code == "learning_rate_too_high" and finding.evidence["peaks"] == [2]


def test_of_several_leaps_the_highest_is_told():
    finding = find_validation_spikes(series(0.7, 1.2, 0.6, 1.9, 0.8))
    assert finding.evidence == {
        "peaks": [2, 4],
        "height": pytest.approx(1.9 - 0.8),
        "losses": [0.7, 1.2, 0.6, 1.9, 0.8],
    }
    assert finding.severity == "warning"
    assert "in epoch 4 it lies 1.1 above" in finding.summary


@pytest.mark.parametrize(
    "losses",
    [(0.7, 0.5, 0.3), (0.3, 0.6, 0.9), (0.5, 0.6, 0.5), (0.7, 1.4), (), (0.7, None)],
    ids=["falling", "overfitting", "small", "no end yet", "nothing", "unknown"],
)
def test_other_courses_are_no_leap(losses):
    assert find_validation_spikes(series(*losses)) is None


def test_a_leap_within_the_error_is_none():
    assert find_validation_spikes(series(0.7, 1.2, 0.6, error=0.4)) is None
