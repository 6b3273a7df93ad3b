"""Intervals of differences of fractions: published values, coverage, power."""

import numpy as np
import pytest

from kerasnorm.doctor.proportions import paired_change, unpaired_change


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
