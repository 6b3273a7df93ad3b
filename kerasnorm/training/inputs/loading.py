"""Settings to decoded images: find, divide, decode, and check that they suffice."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.progress import Progress, quietly
from kerasnorm.data.sources import remote
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.split_table import SplitTable
from kerasnorm.data.store.failures import failure_of
from kerasnorm.data.store.open_images import Caching, open_images
from kerasnorm.training.inputs.run_files import find_run_files, for_study
from kerasnorm.training.settings import Settings

# Bytes of images that each of several processes may hold.
SHARED_MEMORY = 64 * 2**20


@dataclasses.dataclass(frozen=True)
class Data:
    """Decoded images of one run and the files that were left out.

    Args:
        train: Images to learn from.
        validation: Images to judge by.
        rejected: Path and reason of every file that could not be used.
        test: Images for the last evaluation, None where there are none.
        split: What `split.csv` says of the files.
        notes: What was taken for what and what has changed, one line each.
        root: Folder that holds all files; "" where they have none in common.
        gray_bits: Bits that hold gray values in files which do not say so.
    """

    train: Any
    validation: Any
    rejected: list[tuple[str, str]]
    test: Any = None
    split: SplitTable | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    root: str = ""
    gray_bits: int | None = None

    def name_of(self, path: str) -> str:
        """Return the path of a file as seen from the folder of all.

        Args:
            path: One of the paths of the images.
        """
        return os.path.relpath(path, self.root) if self.root else path

    @property
    def failure(self) -> DataError | None:
        """What ended the reading of a batch; None if nothing did."""
        return failure_of(self.train, self.validation, self.test)


def open_parts(
    settings: Settings, parts: Mapping[str, ImageIndex], *, is_shared: bool = False
) -> tuple[dict[str, DecodedImages], str]:
    """Open images of the size and in the way that settings ask for.

    Args:
        settings: Image size and cache.
        parts: The files of each part.
        is_shared: Whether several processes use them at once, so that they had better
            not lie in the memory of each.

    Returns:
        The images of each part, and in one line how many there are and where.

    Raises:
        DataError: No file could be decoded, or one class lost all its files.
    """
    caching = Caching(
        settings.cache, settings.cache_limit, SHARED_MEMORY if is_shared else None
    )
    size = (settings.image_size, settings.image_size)
    with Progress("decoding images") as progress:
        return open_images(parts, size, caching, progress)


def load_data(settings: Settings, *, is_shared: bool = False) -> Data:
    """Find, divide and decode the images.

    Args:
        settings: Data, image size, split, seed and cache.
        is_shared: Whether several processes use them at once, so that they had better
            not lie in the memory of each.

    Raises:
        ValueError: If there are too few good images, or not those that a resumed run
            began with.
    """
    with quietly(settings.quiet):
        files = find_run_files(settings)
        parts = {**files.parts, "train": for_study(settings, files.parts["train"])}
        images, said = open_parts(settings, parts, is_shared=is_shared)
    train, validation = images["train"], images["validation"]
    test = images.get("test")
    if settings.batch_size > len(train):
        raise ValueError(
            f"expected at least one batch of {settings.batch_size} training images, "
            f"received {len(train)} in {settings.data}; give a smaller --batch-size "
            "or more images"
        )
    rejected = [
        (remote.as_given(str(path)), reason)
        for images in (train, validation, test)
        if images is not None
        for path, reason in images.rejected
    ]
    index = files.parts["train"]
    return Data(
        train,
        validation,
        rejected,
        test,
        files.table,
        [*files.notes, said],
        index.root,
        index.gray_bits,
    )
