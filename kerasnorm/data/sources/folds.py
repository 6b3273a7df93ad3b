"""Folds of a cross-validation, stratified, by groups if given; whole groups to test."""

from collections.abc import Iterator, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.split import members_of_classes, rank_keys


def k_folds(
    index: ImageIndex,
    folds: int,
    seed: int = 0,
    *,
    groups: Sequence | None = None,
) -> Iterator[tuple[ImageIndex, ImageIndex]]:
    """Yield training and validation files, each file validating exactly once.

    Every fold has nearly the same fraction of each class. Give `groups` where several
    images show the same thing (frames of a film, images of one patient): a group
    is never on both sides.

    Args:
        index: The files.
        folds: Number of folds, at least 2.
        seed: Decides the folds.
        groups: A name or number for every file; files with the same one stay together.

    Yields:
        Pairs of training and validation index.

    Raises:
        DataError: There are more folds than files of a class, or than groups.
    """
    number = fold_numbers(index, folds, seed, groups=groups)
    for fold in range(folds):
        yield (
            index.take(np.flatnonzero(number != fold)),
            index.take(np.flatnonzero(number == fold)),
        )


def fold_numbers(
    index: ImageIndex,
    folds: int,
    seed: int = 0,
    *,
    groups: Sequence | None = None,
) -> np.ndarray:
    """Return for every file the number of the fold in which it validates.

    Args:
        index: The files.
        folds: Number of folds, at least 2.
        seed: Decides the folds.
        groups: What `k_folds` takes.

    Raises:
        DataError: There are more folds than files of a class, or than groups.
    """
    smallest = int(np.bincount(index.labels).min()) if len(index) else 0
    available = smallest if groups is None else len(set(groups))
    if not 2 <= folds <= available:
        what = "files of the smallest class" if groups is None else "groups"
        raise DataError(
            "Expected the number of folds to be at least 2 and at most the number "
            f"of {what}, "
            f"{available}. Received: {folds}."
        )
    if groups is not None and len(groups) != len(index):
        raise DataError(
            f"Expected `groups` to name a group for each of the {len(index)} files. "
            "Received: "
            f"{len(groups)} names."
        )
    if groups is not None:
        return _by_group(index, folds, seed, groups)
    return _by_rank(index, folds, seed)


def _by_rank(index: ImageIndex, folds: int, seed: int) -> np.ndarray:
    """Return the fold of each file by its place in a random order of its class.

    Files that come or go move hardly any other.
    """
    keys = rank_keys(index.names, seed)
    number = np.zeros(len(index), np.int64)
    for label, members in enumerate(members_of_classes(index)):
        ranks = np.argsort(np.argsort(keys[members]))
        # The classes begin at different folds, which evens out what does not divide.
        number[members] = (ranks * folds // max(len(members), 1) + label) % folds
    return number


def _by_group(index: ImageIndex, folds: int, seed: int, groups: Sequence) -> np.ndarray:
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    number = np.zeros(len(index), np.int64)
    for fold, (_, members) in enumerate(
        splitter.split(index.labels, index.labels, groups)
    ):
        number[members] = fold
    return number


def take_groups(
    index: ImageIndex, units: np.ndarray, fraction: float, seed: int
) -> np.ndarray:
    """Say which files whole groups give to a part, of every class about a fraction.

    Groups are looked at in a random order; one is taken where that brings the numbers
    of files closer to those wanted.

    Args:
        index: The table.
        units: Number of the group of each file.
        fraction: Wanted fraction of the files of each class, above 0, below 1.
        seed: Decides the order, together with the names of the files.

    Returns:
        Boolean array, (files,).

    Raises:
        DataError: The groups are too large for every class to be in both.
    """
    keys = rank_keys(index.names, seed, "groups")
    counts = np.zeros((int(units.max()) + 1, len(index.class_names)), np.int64)
    np.add.at(counts, (units, index.labels), 1)
    first = np.full(len(counts), np.iinfo(np.uint64).max)
    np.minimum.at(first, units, keys)
    missing = fraction * counts.sum(axis=0)
    is_taken = np.zeros(len(counts), bool)
    for unit in np.argsort(first, kind="stable"):
        left = missing - counts[unit]
        if np.abs(left).sum() < np.abs(missing).sum():
            is_taken[unit], missing = True, left
    for side in (is_taken, ~is_taken):
        lacking = np.flatnonzero(counts[side].sum(axis=0) == 0)
        if lacking.size:
            raise DataError(
                f"Expected groups that make a test part of {fraction:g} of the images, "
                f"but those of class {index.class_names[lacking[0]]!r} are too few or "
                "too large. Name smaller groups, or ask for another fraction."
            )
    return is_taken[units]
