"""Draws are even, independent, and depend on seed, epoch and sample alone."""

import numpy as np
import pytest

from kerasnorm.data.augment import stateless_random

SAMPLES = np.arange(20_000)
# Written down once: a resumed training must find the numbers it began with.
GOLDEN_BITS = [16747770130211400165, 5716141648280755162, 9577264216621160943]


def splitmix64(state):
    """One output of SplitMix64 as published, in Python integers."""
    mask = 2**64 - 1
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & mask
    return state ^ (state >> 31)


def test_mixing_is_splitmix64s():
    values = [0, 1, 12345678901234567890, 2**64 - 1]
    expected = [splitmix64(value) for value in values]
    with np.errstate(over="ignore"):
        received = stateless_random.mix(np.array(values, np.uint64))
    assert received.tolist() == expected


def test_draws_are_uniform():
    fractions = stateless_random.uniform(1, 2, SAMPLES, stateless_random.ROTATION)
    assert fractions.min() >= 0
    assert fractions.max() < 1
    counts = np.histogram(fractions, 20, (0, 1))[0]
    # Chi square with 19 degrees of freedom; 1 in 10,000 is above 51.
    assert np.sum((counts - 1000) ** 2 / 1000) < 51


@pytest.mark.parametrize(
    "other",
    [
        (2, 2, stateless_random.ROTATION),
        (1, 3, stateless_random.ROTATION),
        (1, 2, stateless_random.SHEAR),
        (-1, 2, stateless_random.ROTATION),
    ],
)
def test_draws_of_other_seeds_epochs_and_kinds_are_independent(other):
    seed, epoch, stream = other
    first = stateless_random.uniform(1, 2, SAMPLES, stateless_random.ROTATION)
    second = stateless_random.uniform(seed, epoch, SAMPLES, stream)
    # Four standard errors of a correlation of 20,000 pairs.
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / 20_000**0.5


def test_neighbouring_samples_are_independent():
    fractions = stateless_random.uniform(1, 2, SAMPLES, stateless_random.ROTATION)
    assert abs(np.corrcoef(fractions[1:], fractions[:-1])[0, 1]) < 4 / 20_000**0.5


def test_draws_do_not_depend_on_company():
    alone = stateless_random.uniform(1, 2, np.array([77]), stateless_random.WIDTH_ZOOM)
    assert (
        alone[0]
        == stateless_random.uniform(1, 2, SAMPLES, stateless_random.WIDTH_ZOOM)[77]
    )


def test_streams_are_numbered_without_gaps():
    names = [
        name for name in vars(stateless_random) if name.isupper() and name != "GOLDEN"
    ]
    assert sorted(getattr(stateless_random, name) for name in names) == list(
        range(len(names))
    )


def test_order_is_a_permutation_and_changes_with_the_epoch():
    first, second = (stateless_random.epoch_order(3, epoch, 1000) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(1000))
    assert np.mean(first == second) < 0.01


def test_order_is_remembered_and_protected():
    order = stateless_random.epoch_order(3, 0, 10)
    assert stateless_random.epoch_order(3, 0, 10) is order
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 1


def test_the_same_numbers_come_out_on_every_machine():
    received = stateless_random.random_bits(
        42, 3, np.array([0, 1, 2]), stateless_random.ORDER
    ).tolist()
    assert received == GOLDEN_BITS


def test_balanced_order_uses_all_members_before_repeating():
    labels = np.array([0] * 50 + [1] * 8 + [2] * 3)
    order = stateless_random.balanced_order(1, 0, labels)
    assert len(order) == 61
    counts = np.bincount(order, minlength=61)
    assert counts[:50].max() == 1
    for members in (slice(50, 58), slice(58, 61)):
        # The last position may fall away when the order is cut to its length.
        assert counts[members].max() - counts[members].min() <= 2
    assert abs(np.diff(np.bincount(labels[order])).max()) <= 2


def test_balanced_order_takes_another_part_in_each_epoch():
    labels = np.array([0] * 50 + [1] * 5)
    parts = [set(stateless_random.balanced_order(1, epoch, labels)) for epoch in (0, 1)]
    assert parts[0] != parts[1]
    np.testing.assert_array_equal(
        stateless_random.balanced_order(1, 1, labels),
        stateless_random.balanced_order(1, 1, labels),
    )
