"""Reads the images of an iterator and keeps them."""

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.generator.kept_images import InMemory, KeptImages, OnDisk
from kerasnorm.data.images.decoded_images import free_memory, workers_or

CACHES = ("memory", "disk", "none")
UNREADABLE = ("raise", "skip")
# Decoded at once where all files are looked at.
BLOCK_BYTES = 8 * 2**20


class ImageStore:
    """Images of a list of files, decoded when first asked for.

    A file that cannot be read, now or because it vanished in mid-training, raises:
    anything else in its row would be taken for it, by its targets, by its mask
    from another iterator, and by whoever reads the predictions. `drop_unreadable`
    leaves such files out before the first batch.

    Args:
        paths: The files.
        decode: Turns a path into an array, or raises ImageError.
        image_shape: (height, width, channels) of every array.
        dtype: Type of the arrays that are kept; deeper ones are decoded every time.
        cache: "memory" keeps decoded images if all of them fit the budget, "disk"
            keeps them in the user's cache directory, "none" decodes every time.
        memory_budget: Bytes; default: a quarter of the free memory.
        root: Folder that the files lie in; "" where they have none in common.
        decoding: What decides the pixels besides the file and the shape.
    """

    def __init__(
        self,
        paths: Sequence[str],
        decode: Callable[[str], np.ndarray],
        image_shape: tuple[int, int, int],
        dtype: np.dtype,
        *,
        cache: str = "memory",
        memory_budget: int | None = None,
        root: str = "",
        decoding: dict[str, Any] | None = None,
    ):
        self.paths = list(paths)
        self.decode = decode
        self.image_shape = image_shape
        self._kept: KeptImages | None = None
        if memory_budget is None:
            memory_budget = free_memory() // 4
        size = len(paths) * np.prod(image_shape, dtype=np.int64) * dtype.itemsize
        if cache == "disk":
            self._kept = OnDisk(paths, root, decoding or {}, image_shape, dtype)
        elif cache == "memory" and size <= memory_budget:
            self._kept = InMemory(len(paths), image_shape, dtype)

    def __getstate__(self):
        # Other processes read the files themselves: the images may fill the memory.
        kept = None if isinstance(self._kept, InMemory) else self._kept
        return self.__dict__ | {"_kept": kept}

    def read(self, samples: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return images.

        Args:
            samples: Positions in `paths`, (batch,).
            threads: Number of decoding threads; default: one per processor.

        Returns:
            Array (batch, height, width, channels).

        Raises:
            DataError: A file cannot be read.
        """
        if isinstance(self._kept, InMemory):
            taken = self._kept.take(samples)
            if taken is not None:
                return taken
        found = self._read([int(sample) for sample in samples], threads)
        images: list[np.ndarray] = []
        for image in found:
            if isinstance(image, ImageError):
                raise DataError(
                    f"Expected an image in every file, but {image}. Remove or replace "
                    "the file, or leave out all that cannot be read with "
                    "ImageDataGenerator(unreadable='skip')."
                ) from image
            images.append(image)
        return np.stack(images)

    def drop_unreadable(self) -> tuple[np.ndarray, dict[str, str]]:
        """Read every file once and leave out those that cannot be read.

        Returns:
            Positions of the files that stay, in the list there was, and the reason for
            each file that does not.
        """
        rejected: dict[str, str] = {}
        bad: list[int] = []
        length = max(1, BLOCK_BYTES // int(np.prod(self.image_shape)))
        for first in range(0, len(self.paths), length):
            block = range(first, min(first + length, len(self.paths)))
            for sample, image in zip(block, self._read(block), strict=True):
                if isinstance(image, ImageError):
                    rejected[self.paths[sample]] = image.reason
                    bad.append(sample)
        stay = np.delete(np.arange(len(self.paths)), bad)
        if rejected and len(stay) == 0:
            path, reason = next(iter(rejected.items()))
            raise DataError(
                f"Expected a usable image, but none of the {len(self.paths)} files is "
                f"one (one of them: {path}: {reason}). Replace them."
            )
        self.paths = [self.paths[at] for at in stay]
        if self._kept is not None and rejected:
            self._kept.drop(stay)
        return stay, rejected

    def _read(
        self, samples: Sequence[int], threads: int | None = None
    ) -> list[np.ndarray | ImageError]:
        """Return images, or why they are none, and keep what had to be decoded."""
        kept = self._kept

        def read(sample: int) -> tuple[np.ndarray | ImageError, bool]:
            image = kept.get(sample) if kept is not None else None
            if image is not None:
                return image, False
            try:
                return self.decode(self.paths[sample]), True
            except ImageError as error:
                return error, False

        threads = min(workers_or(threads), len(samples))
        if threads == 1:
            found = list(map(read, samples))
        else:
            with concurrent.futures.ThreadPoolExecutor(threads) as pool:
                found = list(pool.map(read, samples))
        new = {
            sample: image
            for sample, (image, is_new) in zip(samples, found, strict=True)
            if is_new and not isinstance(image, ImageError)
        }
        if kept is not None and new:
            kept.put(list(new), list(new.values()))
        return [image for image, _ in found]
