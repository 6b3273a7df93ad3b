"""Opens the images of a run: in memory, on disk, or decoded for each batch."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError, problem_of
from kerasnorm.data.images.decoded_images import (
    DecodedImages,
    aligned_array,
    check_image_size,
    free_memory,
    workers_or,
)
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store import space
from kerasnorm.data.store.fill import Filling
from kerasnorm.data.store.folder import StoreFolder
from kerasnorm.data.store.holding import Holding, check_classes
from kerasnorm.data.store.in_memory import close_gaps, read_missing
from kerasnorm.data.store.journal import NOT_KEPT, REJECTED
from kerasnorm.data.store.keys import store_name
from kerasnorm.data.store.kinds import CACHES
from kerasnorm.data.store.stored_images import StoredImages

Report = Callable[[int, int], None]
# Decoded within a second: they are not worth a place on disk.
FEW_IMAGES, FEW_BYTES = 1000, 16 * 10**6


@dataclasses.dataclass(frozen=True)
class Caching:
    """Where decoded images are kept.

    Args:
        cache: "auto": on disk for later runs, and in memory where they fit.
            "memory": in memory alone. "disk": on disk alone. "none": nowhere; they
            are decoded for each batch.
        limit: Gigabytes that all stores on disk may take together; None for a quarter
            of the free disk.
        memory_budget: Bytes that "auto" may take of the memory; None for a quarter of
            what is free.
        max_pixels: Larger images are rejected.
        workers: Number of decoding threads; default: one per processor.

    Raises:
        DataError: There is no such cache.
    """

    cache: str = "auto"
    limit: float | None = None
    memory_budget: int | None = None
    max_pixels: int = MAX_PIXELS
    workers: int | None = None

    def __post_init__(self) -> None:
        if self.cache not in CACHES:
            raise DataError(
                f"Expected the cache to be one of {', '.join(CACHES)}. Received: "
                f"{self.cache!r}."
            )


def open_images(
    parts: Mapping[str, ImageIndex],
    image_size: tuple[int, int],
    caching: Caching | None = None,
    progress: Report | None = None,
) -> tuple[dict[str, DecodedImages], str]:
    """Open the images of all parts of a data set.

    Args:
        parts: The files of each part.
        image_size: Height and width in pixels.
        caching: Where decoded images are kept.
        progress: Called with the number of files decoded and of all that have to be.

    Returns:
        The images of each part, and in one line how many there are and where.

    Raises:
        DataError: No file could be decoded, one class lost all its files, or the
            memory asked for is not there.
    """
    check_image_size(image_size)
    if not any(map(len, parts.values())):
        raise DataError("Expected image files to load. Received: none. Add images.")
    opening = _Opening(parts, image_size, caching or Caching(), progress)
    opening.find_store()
    return opening.images(), opening.note()


class _Opening:
    """Decides where images go, and brings them there."""

    def __init__(
        self,
        parts: Mapping[str, ImageIndex],
        image_size: tuple[int, int],
        caching: Caching,
        progress: Report | None,
    ) -> None:
        self.image_size, self.caching, self.progress = image_size, caching, progress
        self.holdings = {part: Holding.of(index) for part, index in parts.items()}
        self.image_bytes = int(np.prod(image_size, dtype=np.int64)) * 3
        self.count = sum(map(len, parts.values()))
        self.in_memory = self._fits_memory()
        self.is_kept = caching.cache in ("auto", "disk") and not self._is_quick()
        self.folder: StoreFolder | None = None
        self.problem = ""
        self.usable = 0

    @property
    def bytes(self) -> int:
        """Bytes of all decoded images."""
        return self.count * self.image_bytes

    def _fits_memory(self) -> bool:
        cache, available = self.caching.cache, free_memory()
        if cache == "memory" and self.bytes > available:
            raise DataError(
                f"Expected memory for {space.amount(self.bytes)} of decoded images, "
                f"received {space.amount(available)} that are free. Keep them on disk "
                "(--cache disk), or take a smaller image size."
            )
        budget = self.caching.memory_budget
        limit = available // 4 if budget is None else budget
        return cache == "memory" or (cache == "auto" and self.bytes <= limit)

    def _is_quick(self) -> bool:
        sizes = [h.stamps[:, 0].clip(0).sum() for h in self.holdings.values()]
        is_small = self.count <= FEW_IMAGES and sum(sizes) <= FEW_BYTES
        return self.in_memory and is_small

    def find_store(self) -> None:
        """Open the store of the images, unless they are in memory alone."""
        origins = {(h.index.root, h.index.gray_bits) for h in self.holdings.values()}
        index = next(iter(self.holdings.values())).index
        if len(origins) > 1 or not index.root:
            # Files named one by one are looked at once.
            self.is_kept = False
            return
        if self.in_memory and not self.is_kept:
            return
        name, made_from = store_name(index, self.image_size, self.caching.max_pixels)
        try:
            path = space.stores_directory() / name
            self._open(path, made_from)
            if self.is_kept and not self._may_grow(path, made_from):
                self.is_kept = False
        except OSError as error:
            self.folder, self.is_kept = None, False
            self.problem = f"the cache directory cannot be used: {problem_of(error)}"

    def _open(self, path: pathlib.Path, made_from: dict[str, Any]) -> None:
        self.folder = StoreFolder(path, made_from)
        for holding in self.holdings.values():
            holding.recall(self.folder)

    def _may_grow(self, path: pathlib.Path, made_from: dict[str, Any]) -> bool:
        """Say whether what is missing can be added; make room for it."""
        limit, folder = self.caching.limit, self.folder
        if folder is None or self._missing_bytes() == 0:
            return True
        if not folder.is_writeable:
            self.problem = f"{path} cannot be written"
            return False
        if space.make_room(path, self._missing_bytes(), limit):
            return True
        if self.bytes < space.size_of(path) and self.bytes <= space.allowed(limit):
            # Images that have changed or gone since take up the room.
            folder.close()
            space.remove_store(path)
            self._open(path, made_from)
            if space.make_room(path, self._missing_bytes(), limit):
                return True
        self.problem = (
            f"the cache may take {space.amount(space.allowed(limit))} of the disk"
        )
        return False

    def _missing_bytes(self) -> int:
        missing = [h.missing(with_pixels=True) for h in self.holdings.values()]
        return sum(map(len, missing)) * self.image_bytes

    def images(self) -> dict[str, DecodedImages]:
        """Decode what is missing, and return the images of each part."""
        with_pixels = self.is_kept or self.in_memory
        todo = [len(h.missing(with_pixels=with_pixels)) for h in self.holdings.values()]
        done, found = 0, {}
        for number, (part, holding) in enumerate(self.holdings.items()):
            found[part] = self._images(holding, done, sum(todo))
            done += todo[number]
        return found

    def _images(self, holding: Holding, before: int, total: int) -> DecodedImages:
        size, pixels = self.image_size, self.caching.max_pixels
        shape = (len(holding), *size, 3)
        array = aligned_array(shape) if self.in_memory else None
        is_read = np.zeros(len(holding), bool)

        def decode(position: int) -> np.ndarray:
            image = holding.decode(position, size, pixels)
            if array is not None:
                array[position], is_read[position] = image, True
            return image

        def report(done: int) -> None:
            if self.progress is not None:
                self.progress(before + done, total)

        filling = Filling(holding, self.folder, self.image_bytes, self.is_kept)
        filling.run(decode, report, self.caching.workers, with_pixels=array is not None)
        self.problem = self.problem or filling.problem
        check_classes(holding)
        kept = np.flatnonzero(holding.rows != REJECTED)
        usable = holding.take(kept)
        if self.caching.cache == "none":
            usable = dataclasses.replace(usable, rows=np.full(len(kept), NOT_KEPT))
        stored = StoredImages(usable, size, pixels, self.folder, self.caching.workers)
        self.usable += len(kept)
        if array is not None:
            array = close_gaps(array, kept)
            read_missing(stored, array, is_read[kept], workers_or(self.caching.workers))
        return DecodedImages(
            stored if array is None else array,
            usable.index.labels,
            usable.index.paths,
            holding.index.class_names,
            holding.index.ignored + holding.rejected,
            usable.index.sample_weights,
        )

    def note(self) -> str:
        """Say in one line how many images there are, and where."""
        size = space.amount(self.usable * self.image_bytes)
        place = f"on disk in {self.folder.path}" if self.folder else ""
        if self.in_memory:
            where = "in memory" + (f", and {place}" if self.is_kept else "")
        else:
            where = place if self.is_kept else "decoded for each batch"
        said = f"{self.usable:,} images, {size}: {where}"
        return f"{said} ({self.problem})" if self.problem else said
