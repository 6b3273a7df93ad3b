"""All images of an index, decoded once, in one array in memory or on disk."""

import concurrent.futures
import dataclasses
import numbers
import os
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.images.decode import QuietPillow
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.sources.index import ImageIndex

# TensorFlow takes memory only from a multiple of so many bytes on.
ALIGNMENT = 64

#: Names for how an image is brought to another size: the library's own way, with
#: antialiasing, and those of `keras.utils.image_dataset_from_directory`, without.
INTERPOLATIONS = (
    "antialiased",
    "bilinear",
    "nearest",
    "bicubic",
    "lanczos3",
    "lanczos5",
)


@dataclasses.dataclass(frozen=True, eq=False)
class DecodedImages:
    """Decoded images with their labels, and the files that could not be decoded.

    Args:
        images: uint8 array, (images, height, width, 3).
        labels: Class index of each image, int64, (images,).
        paths: File of each image.
        class_names: Names of the classes; a label is a position in it.
        rejected: Files left out, each with the reason.
    """

    images: np.ndarray
    labels: np.ndarray
    paths: tuple[str, ...]
    class_names: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]


def load_images(
    index: ImageIndex,
    image_size: tuple[int, int],
    *,
    memory_budget: int | None = None,
    workers: int | None = None,
    max_pixels: int = MAX_PIXELS,
    progress: Callable[[int, int], None] | None = None,
) -> DecodedImages:
    """Decode every file of an index once, in parallel.

    Augmenting from decoded images is what makes every epoch after the first fast.
    Images that do not fit the memory budget go into an unnamed file in the cache
    directory, which the operating system removes with the process.

    Args:
        index: The files.
        image_size: Height and width in pixels.
        memory_budget: Bytes the images may take in memory; default: a quarter of
            the free memory; 0 always uses the disk.
        workers: Number of decoding threads; default: one per processor.
        max_pixels: Larger images are rejected.
        progress: Called with the number of files done and of all files.

    Returns:
        The images in the order of the index, without the rejected files.

    Raises:
        DataError: No file could be decoded, or one class lost all its files.
    """
    check_image_size(image_size)
    if len(index) == 0:
        raise DataError("Expected image files to load. Received: none. Add images.")
    images = allocate((len(index), *image_size, 3), memory_budget)

    def load(position: int) -> str | None:
        try:
            images[position] = index.decode(position, image_size, max_pixels=max_pixels)
        except ImageError as error:
            return error.reason
        return None

    reasons: list[str | None] = []
    with (
        QuietPillow(),
        concurrent.futures.ThreadPoolExecutor(workers_or(workers)) as pool,
    ):
        for reason in pool.map(load, range(len(index))):
            reasons.append(reason)
            if progress is not None:
                progress(len(reasons), len(index))
    return without_rejected(index, images, reasons)


def without_rejected(
    index: ImageIndex, images: np.ndarray, reasons: list[str | None]
) -> DecodedImages:
    """Close the gaps that rejected files left in the array."""
    kept = [position for position, reason in enumerate(reasons) if reason is None]
    rejected = index.ignored + tuple(
        (path, reason)
        for path, reason in zip(index.paths, reasons, strict=True)
        if reason is not None
    )
    labels = index.labels[kept]
    for label, name in enumerate(index.class_names):
        if np.any(index.labels == label) and not np.any(labels == label):
            path, reason = next(
                (path, reason)
                for path, reason, its in zip(
                    index.paths, reasons, index.labels, strict=True
                )
                if its == label
            )
            raise DataError(
                f"Expected a usable image of class {name!r}, but none of its "
                f"{np.sum(index.labels == label)} files is one (the first: {path}: "
                f"{reason}). Replace them."
            )
    # Moved down one by one: a second array might not fit.
    for position, source in enumerate(kept):
        if position != source:
            images[position] = images[source]
    return DecodedImages(
        images[: len(kept)],
        labels,
        tuple(index.paths[position] for position in kept),
        index.class_names,
        rejected,
    )


def allocate(
    shape: tuple[int, ...],
    memory_budget: int | None,
    dtype: npt.DTypeLike = np.uint8,
) -> np.ndarray:
    """Return an empty array in memory where the budget allows, else on disk."""
    if memory_budget is None:
        memory_budget = free_memory() // 4
    if np.prod(shape, dtype=np.int64) * np.dtype(dtype).itemsize <= memory_budget:
        return aligned_array(shape, dtype)
    file = tempfile.TemporaryFile(dir=cache_directory("images"))
    return np.memmap(file, dtype, mode="w+", shape=shape)


def aligned_array(
    shape: tuple[int, ...], dtype: npt.DTypeLike = np.uint8
) -> np.ndarray:
    """Return an empty array that TensorFlow can use without a copy."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def free_memory() -> int:
    """Return the bytes of memory that can be had without swapping."""
    import psutil

    return psutil.virtual_memory().available


def workers_or(workers: int | None) -> int:
    """Return the given number of threads, or one for each usable processor."""
    if workers:
        return workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    # macOS and Windows cannot tell which of the processors are ours.
    return os.cpu_count() or 1


def check_image_size(image_size: tuple[int, int], name: str = "The image size") -> None:
    """Raise DataError unless height and width are at least one pixel."""
    is_pair = isinstance(image_size, Sequence | np.ndarray) and len(image_size) == 2
    if not is_pair or not all(
        isinstance(side, numbers.Integral) and side >= 1 for side in image_size
    ):
        raise DataError(
            f"Expected {name} to be a height and a width of at least 1 pixel, for "
            f"example (150, 150). Received: {image_size!r}."
        )
