"""Folds share the classes evenly and keep groups together."""

import collections

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageIndex
from kerasnorm.data.sources.folds import k_folds


def table(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    paths = tuple(f"{number}.jpg" for number in range(len(labels)))
    return ImageIndex(paths, labels, tuple("abcdef"[: len(counts)]))


def test_every_file_validates_once():
    index = table([10, 20, 30])
    seen = collections.Counter()
    for train, validation in k_folds(index, 5):
        assert not set(train.paths) & set(validation.paths)
        assert len(train) + len(validation) == 60
        np.testing.assert_array_equal(np.bincount(validation.labels), [2, 4, 6])
        seen.update(validation.paths)
    assert set(seen.values()) == {1}
    assert len(seen) == 60


def test_groups_stay_together():
    index = table([30, 30])
    groups = np.arange(60) // 3
    group_of = dict(zip(index.paths, groups.tolist(), strict=True))
    validated = []
    for train, validation in k_folds(index, 4, groups=groups):
        sides = [
            {group_of[path] for path in side.paths} for side in (train, validation)
        ]
        assert not sides[0] & sides[1]
        validated += validation.paths
        assert abs(np.mean(validation.labels) - 0.5) < 0.15
    assert sorted(validated) == sorted(index.paths)


def test_folds_depend_on_the_seed_alone():
    first, again, other = (
        [side.paths for _, side in k_folds(table([20, 20]), 4, seed)]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "at least 2 and at most .* smallest class, 5"),
        ({"folds": 6}, "smallest class, 5. Received: 6"),
        ({"folds": 4, "groups": [0, 1, 2] * 5}, "groups, 3"),
        ({"folds": 2, "groups": [0, 1]}, "each of the 15 files. Received: 2"),
    ],
)
def test_unfit_arguments_raise_in_words(arguments, message):
    with pytest.raises(DataError, match=message):
        list(k_folds(table([5, 10]), **arguments))
