"""A table splits evenly and repeatably, and changes to it move hardly any file."""

import itertools

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageIndex, split_index
from kerasnorm.data.sources.split import assign_parts

FRACTIONS = ({"validation": 0.2}, {"validation": 0.2, "test": 0.1})


def table(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    paths = [f"{label}/{number}.jpg" for number, label in enumerate(labels)]
    names = tuple("abcdef"[: len(counts)])
    return ImageIndex(tuple(paths), labels, names)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_split_takes_the_same_share_of_every_class(fraction):
    index = table([40, 100, 20])
    train, validation = split_index(index, fraction, seed=3)
    assert sorted(train.paths + validation.paths) == sorted(index.paths)
    np.testing.assert_array_equal(
        np.bincount(validation.labels), np.round(np.array([40, 100, 20]) * fraction)
    )
    assert train.class_names == validation.class_names == index.class_names


def test_split_leaves_one_of_every_class_on_both_sides():
    for fraction in (0.01, 0.99):
        for side in split_index(table([2, 3, 50]), fraction, seed=0):
            assert set(side.labels) == {0, 1, 2}


def test_split_depends_on_the_seed_alone():
    first, again, other = (
        split_index(table([50, 50]), 0.2, seed)[1].paths for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 2])
def test_split_share_out_of_range_raises(fraction):
    with pytest.raises(DataError, match="above 0 and below 1"):
        split_index(table([5, 5]), fraction, seed=0)


def test_split_of_a_single_file_raises():
    with pytest.raises(DataError, match="of class 'b' to split, received 1 file"):
        split_index(table([5, 1]), 0.5, seed=0)


def assigned(index, fractions, seed=0, **options):
    """Return the part of each file by its path."""
    parts, links = assign_parts(index, fractions, seed, **options)
    return dict(zip(index.paths, parts.tolist(), strict=True)), links


@pytest.mark.parametrize("fractions", FRACTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_files_that_come_and_go_move_hardly_any_other(fractions, seed):
    whole = table([200, 300])
    before, _ = assigned(whole, fractions, seed)
    for removed in (1, 7, 50):
        random = np.random.default_rng(removed)
        kept = np.sort(random.permutation(len(whole))[removed:])
        after, _ = assigned(whole.take(kept), fractions, seed)
        moved = sum(before[path] != part for path, part in after.items())
        # The borders follow the smaller class sizes.
        assert moved <= 1 + removed * sum(fractions.values()) * 2


def test_a_test_part_changes_nobody_who_validates():
    without, with_test = (
        assigned(table([40, 60]), fractions)[0] for fractions in FRACTIONS
    )
    for path, part in with_test.items():
        assert part == without[path] or part == "test"
    assert sum(part == "test" for part in with_test.values()) == 10


@pytest.mark.parametrize("fractions", FRACTIONS)
def test_known_parts_stay_and_the_rest_fills_up(fractions):
    whole = table([100, 50])
    old = np.sort(np.random.default_rng(0).permutation(150)[:75])
    before, _ = assigned(whole.take(old), {"validation": 0.7})
    known = {position: before[whole.paths[position]] for position in old.tolist()}
    after, _ = assigned(whole, fractions, fixed=known)
    assert all(after[path] == part for path, part in before.items())
    new = [part for path, part in after.items() if path not in before]
    # Enough validate already.
    assert set(new) == {"train"} | set(fractions) - {"validation"}


@pytest.mark.parametrize("seed", range(5))
def test_groups_stay_on_one_side_and_counts_hold(seed):
    index = table([60, 90])
    random = np.random.default_rng(seed)
    order = random.permutation(60), 60 + random.permutation(90)
    groups = [part[i : i + 3].tolist() for part in order for i in range(0, 30, 3)]
    # Likeness does not carry over; a chain stays together all the same.
    groups += [[groups[0][0], groups[1][0]]]
    parts, links = assigned(index, FRACTIONS[1], seed, groups=groups)
    assert not links
    for group in groups:
        assert len({parts[index.paths[member]] for member in group}) == 1
    counts = np.unique(list(parts.values()), return_counts=True)
    assert dict(zip(*counts, strict=True)) == {
        "test": 15,
        "train": 105,
        "validation": 30,
    }


@pytest.mark.parametrize(
    ("group", "known", "expected", "is_link"),
    [
        ([0, 1, 2], {0: "validation"}, "validation", False),
        ([0, 1, 2], {0: "train"}, "train", False),
        ([0, 1, 2], {0: "train", 1: "validation"}, "train", True),
        ([0, 1, 2], {0: "test", 1: "validation"}, "train", True),
        # Of two classes, with too many files of one.
        ([*range(6), 12], {}, "train", False),
    ],
)
def test_a_new_file_goes_where_its_like_is(group, known, expected, is_link):
    parts, links = assign_parts(
        table([10, 10]), {"validation": 0.5}, 0, groups=[group], fixed=known
    )
    assert parts[2] == expected
    assert links == [2] * is_link


@pytest.mark.parametrize(
    ("counts", "fractions"), itertools.product(([3, 3], [9, 4]), FRACTIONS)
)
def test_every_part_has_every_class_even_if_all_files_are_alike(counts, fractions):
    index = table(counts)
    parts, _ = assign_parts(index, fractions, 0, groups=[range(len(index))])
    for label in (0, 1):
        assert set(parts[index.labels == label]) == {"train", *fractions}


def test_names_count_and_not_folders():
    paths = [f"{label}/{n}.jpg" for label in "ab" for n in range(20)]
    labels = np.repeat([0, 1], 20)
    here, there = (
        split_index(
            ImageIndex(
                tuple(f"{root}/{p}" for p in paths), labels, ("a", "b"), root=root
            ),
            0.3,
            seed=1,
        )[1].names
        for root in ("/here", "/far/away")
    )
    assert here == there


def test_too_much_for_validation_and_test_is_refused():
    with pytest.raises(DataError, match="leave something to train on"):
        assign_parts(table([9, 9]), {"validation": 0.6, "test": 0.4}, 0)
