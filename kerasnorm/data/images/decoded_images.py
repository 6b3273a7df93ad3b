"""Decoded images, and the memory they lie in."""

import dataclasses
import numbers
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kerasnorm.data.errors import DataError

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
        images: uint8 array, (images, height, width, 3), or what is read like one.
        labels: Class index of each image, int64, (images,).
        paths: File of each image.
        class_names: Names of the classes; a label is a position in it.
        rejected: Files left out, each with the reason.
        sample_weights: How much each image counts in training, (images,); None where
            all count alike.
    """

    images: Any
    labels: np.ndarray
    paths: Sequence[str]
    class_names: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...] = ()
    sample_weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.images.shape[1], self.images.shape[2]

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Return images, uint8 (n, height, width, 3).

        Args:
            positions: Integers in 0 to len - 1, (n,).
        """
        found: np.ndarray = self.images[positions]
        return found


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
