"""Cross-validation: an index split into folds, stratified, and by groups if given."""

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
