"""Settings to decoded pictures: find, split, decode, and check that they suffice."""

import dataclasses
import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm.data import pictures as picture_loading
from kerasnorm.data import sources, studies
from kerasnorm.data.folds import k_folds
from kerasnorm.data.index import ImageIndex
from kerasnorm.training.errors import UsageError
from kerasnorm.training.settings import Settings


@dataclasses.dataclass(frozen=True)
class Data:
    """Decoded pictures of one run and the files that were left out.

    Args:
        train: Pictures to learn from.
        validation: Pictures to judge by.
        rejected: Path and reason of every file that could not be used.
        note: What was taken for what, in one line.
    """

    train: Any
    validation: Any
    rejected: list[tuple[str, str]]
    note: str = ""


def load_data(
    settings: Settings, load_pictures: Callable[..., Any] | None = None
) -> Data:
    """Find, split and decode the pictures.

    Args:
        settings: Data, image size, split and seed.
        load_pictures: What decodes an index of files to pictures of a height and a
            width; `kerasnorm.data.load_pictures` by default.

    Raises:
        ValueError: If there are too few good pictures.
    """
    source = sources.open_source(
        settings.data,
        validation_fraction=settings.validation_fraction,
        seed=settings.seed,
    )
    size = (settings.image_size, settings.image_size)
    load_pictures = load_pictures or picture_loading.load_pictures
    train_files, validation_files = chosen_files(settings, source)
    train = load_pictures(train_files, size)
    validation = load_pictures(validation_files, size)
    if settings.batch_size > len(train):
        raise ValueError(
            f"expected at least one batch of {settings.batch_size} training pictures, "
            f"received {len(train)} in {settings.data}; give a smaller --batch-size "
            "or more pictures"
        )
    rejected = [
        (str(path), reason)
        for pictures in (train, validation)
        for path, reason in pictures.rejected
    ]
    return Data(train, validation, rejected, source.note)


def chosen_files(
    settings: Settings, source: sources.Source
) -> tuple[ImageIndex, ImageIndex]:
    """Return the files to train on and to judge by, after folds and studies.

    Args:
        settings: Folds, fraction, label noise and seed.
        source: The files there are.

    Raises:
        ValueError: If there are too few files for so many folds.
        UsageError: If a file belongs to no group.
    """
    train, validation = source.train, source.validation
    if settings.folds > 1:
        whole = train if source.has_own_validation else _together(train, validation)
        groups = None
        if settings.fold_groups is not None:
            groups = [_group_of(path, settings.fold_groups) for path in whole.paths]
        folds = k_folds(whole, settings.folds, settings.seed, groups=groups)
        train, validation = next(itertools.islice(folds, settings.fold, None))
    if settings.fraction < 1:
        train = studies.take_fraction(train, settings.fraction, settings.seed)
    if settings.label_noise:
        train, _ = studies.with_label_noise(train, settings.label_noise, settings.seed)
    return dataclasses.replace(train, ignored=source.train.ignored), validation


def _together(train: ImageIndex, validation: ImageIndex) -> ImageIndex:
    files = [
        (int(label), path)
        for index in (train, validation)
        for path, label in zip(index.paths, index.labels, strict=True)
    ]
    # Sorted, so that the folds do not depend on how the files were split before.
    labels, paths = zip(*sorted(files), strict=True)
    return ImageIndex(paths, np.array(labels), train.class_names)


def _group_of(path: str, pattern: str) -> str:
    found = re.search(pattern, path)
    if found is None:
        raise UsageError(
            f"expected --fold-groups to be found in every file's path, received "
            f"{pattern!r}, which is not in {path}"
        )
    return str(found[1] if found.re.groups else found[0])
