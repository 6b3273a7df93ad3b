"""Changes to an index for studies: a part of the data, wrong labels on purpose."""

import dataclasses

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.split import members_of_classes, rank_keys


def take_fraction(index: ImageIndex, fraction: float, seed: int = 0) -> ImageIndex:
    """Keep a random part of every class, for learning curves.

    Parts with the same seed contain each other: what a half has, the whole has, and a
    quarter is a quarter of that half.

    Args:
        index: The files.
        fraction: Part of the files to keep, above 0, at most 1; at least one file of
            every class stays.
        seed: Decides which.

    Returns:
        The smaller index, in the same order.

    Raises:
        DataError: The fraction is out of range.
    """
    if not 0 < fraction <= 1:
        raise DataError(
            "Expected the fraction to be above 0 and at most 1. Received: "
            f"{fraction!r}."
        )
    keys = rank_keys(index.names, seed, "fraction")
    kept = []
    for members in members_of_classes(index):
        count = max(round(len(members) * fraction), 1)
        kept.append(members[np.argsort(keys[members])][:count])
    return index.take(np.sort(np.concatenate(kept)))


def with_label_noise(
    index: ImageIndex, fraction: float, seed: int = 0
) -> tuple[ImageIndex, np.ndarray]:
    """Give a random part of the files a wrong label, to study what that does.

    Args:
        index: The files.
        fraction: Fraction of the files that get another class's label, 0 to 1.
        seed: Decides which files and which labels.

    Returns:
        The index with wrong labels, and the positions of the wrong ones, sorted.

    Raises:
        DataError: The fraction is out of range, or there is only one class.
    """
    classes = len(index.class_names)
    if not 0 <= fraction <= 1:
        raise DataError(
            f"Expected the fraction to be from 0 to 1. Received: {fraction!r}."
        )
    if classes < 2:
        raise DataError("Expected at least two classes for wrong labels. Received: 1.")
    random = np.random.default_rng(seed)
    wrong = np.sort(
        random.choice(len(index), round(len(index) * fraction), replace=False)
    )
    labels = index.labels.copy()
    # Adding 1 to classes - 1, modulo classes, reaches every other class.
    labels[wrong] = (labels[wrong] + random.integers(1, classes, len(wrong))) % classes
    return dataclasses.replace(index, labels=labels), wrong
