"""Intervals of differences of fractions: published values, coverage, power."""

import numpy as np
import pytest

from kerasnorm.doctor.loss_matrix.proportions import paired_change, unpaired_change


def correct(ones, count):
    return np.arange(count) < ones


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)],
)
def test_newcombe_as_published(first, second, low, high):
    change = unpaired_change(correct(*second), correct(*first), alpha=0.05)
    assert [change.low, change.high] == pytest.approx([low, high], abs=1e-3)


def draw_pair(generator, count, gained, lost):
    before = generator.random(count) < 0.7
    flips = generator.random(count) < np.where(before, lost, gained)
    return before, before ^ flips


@pytest.mark.parametrize("count", [100, 400, 1000])
@pytest.mark.parametrize(("gained", "lost"), [(0.1, 0.02), (0.5, 0.05), (0.02, 0.02)])
def test_paired_intervals_hold_the_truth(count, gained, lost):
    generator = np.random.default_rng(0)
    truth = 0.3 * gained - 0.7 * lost
    changes = [
        paired_change(*draw_pair(generator, count, gained, lost)) for _ in range(500)
    ]
    hold = np.mean([c.low <= truth <= c.high for c in changes])
    assert hold >= 0.975


def test_the_detectable_change_is_detected():
    generator = np.random.default_rng(1)
    gained = 0.2
    changes = [
        paired_change(*draw_pair(generator, 1000, gained, 0.0)) for _ in range(300)
    ]
    truth, detectable = 0.3 * gained, np.mean([c.detectable for c in changes])
    assert truth > detectable
    assert np.mean([c.p_value < 0.01 for c in changes]) >= 0.9


def test_nothing_changed_is_no_certainty():
    before = correct(30, 50)
    change = paired_change(before, before)
    assert change.value == 0 and change.low < -0.05 and change.p_value == 1


def test_an_exact_example_by_hand():
    # 8 gained, 2 lost of 100: p = 2 (1 + 10 + 45) / 1024, and one more of each counts.
    before = np.repeat([True, True, False, False], [60, 2, 8, 30])
    after = np.repeat([True, False, True, False], [60, 2, 8, 30])
    change = paired_change(before, after, alpha=0.05)
    half = 1.959964 * np.sqrt(12 - 36 / 100) / 100
    assert change.p_value == pytest.approx(112 / 1024)
    assert [change.low, change.high] == pytest.approx([0.06 - half, 0.06 + half])
    assert change.detectable == pytest.approx(3.86 * np.sqrt(12) / 100)


def test_where_everything_changed_the_interval_has_the_width_of_two_samples():
    # Two more changes than samples: 12 - 10**2 / 10 of them are uncertain.
    change = paired_change(correct(0, 10), correct(10, 10), alpha=0.05)
    assert change.high - change.low == pytest.approx(2 * 1.959964 * np.sqrt(2) / 10)


def test_the_detectable_difference_of_two_sets_is_that_of_their_fractions():
    change = unpaired_change(correct(30, 100), correct(10, 50))
    variance = 0.3 * 0.7 / 100 + 0.2 * 0.8 / 50
    assert change.detectable == pytest.approx(3.86 * np.sqrt(variance))
    assert change.value == pytest.approx(-0.1)
