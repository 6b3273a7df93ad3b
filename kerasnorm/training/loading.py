"""Settings to decoded pictures: find, split, decode, and check that they suffice."""

import dataclasses
from collections.abc import Callable
from typing import Any

from kerasnorm.data import pictures as picture_loading
from kerasnorm.data import sources
from kerasnorm.training.settings import Settings


@dataclasses.dataclass(frozen=True)
class Data:
    """Decoded pictures of one run and the files that were left out.

    Args:
        train: Pictures to learn from.
        validation: Pictures to judge by.
        rejected: Path and reason of every file that could not be used.
    """

    train: Any
    validation: Any
    rejected: list[tuple[str, str]]


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
    train = load_pictures(source.train, size)
    validation = load_pictures(source.validation, size)
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
    return Data(train, validation, rejected)
