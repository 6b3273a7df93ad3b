"""Parts contain each other, and wrong labels are wrong, counted and known."""

import numpy as np
import pytest

from kerasnorm.data import DataError
from kerasnorm.data.sources.subsets_and_label_noise import (
    take_fraction,
    with_label_noise,
)
from tests.data.sources.test_folds import table


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_a_part_has_its_share_of_every_class(fraction):
    part = take_fraction(table([10, 20, 40]), fraction)
    expected = np.array([10, 20, 40]) * fraction
    np.testing.assert_array_equal(np.bincount(part.labels), expected)


def test_parts_contain_each_other():
    index = table([40, 80])
    parts = [
        set(take_fraction(index, fraction, 5).paths) for fraction in (0.25, 0.5, 1)
    ]
    assert parts[0] < parts[1] < parts[2]


def test_one_of_every_class_stays():
    assert len(take_fraction(table([3, 5]), 0.001)) == 2


def test_parts_depend_on_the_seed():
    index = table([40, 40])
    assert take_fraction(index, 0.5, 1).paths != take_fraction(index, 0.5, 2).paths


@pytest.mark.parametrize("fraction", [0, -1, 1.1])
def test_unfit_fractions_raise(fraction):
    with pytest.raises(DataError, match="above 0 and at most 1"):
        take_fraction(table([3, 3]), fraction)


@pytest.mark.parametrize("counts", [[50, 50], [30, 30, 40]])
def test_wrong_labels_are_wrong_and_known(counts):
    index = table(counts)
    noisy, wrong = with_label_noise(index, 0.3, 1)
    assert len(wrong) == 30
    np.testing.assert_array_equal(np.flatnonzero(noisy.labels != index.labels), wrong)
    assert noisy.paths == index.paths
    assert set(noisy.labels[wrong]) == set(range(len(counts)))


def test_wrong_labels_depend_on_the_seed_alone():
    index = table([50, 50])
    first, again, other = (
        with_label_noise(index, 0.3, seed)[1].tolist() for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_no_noise_changes_nothing():
    noisy, wrong = with_label_noise(table([5, 5]), 0.0)
    assert len(wrong) == 0
    np.testing.assert_array_equal(noisy.labels, table([5, 5]).labels)


def test_unfit_noise_raises():
    with pytest.raises(DataError, match="from 0 to 1"):
        with_label_noise(table([5, 5]), 1.5)
    with pytest.raises(DataError, match="at least two classes"):
        with_label_noise(table([5]), 0.5)
