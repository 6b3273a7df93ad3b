"""Reads the pictures of an iterator, keeps them, and steps around unreadable files."""

import concurrent.futures
import logging
from collections.abc import Callable, Sequence

import numpy as np

from kerasnorm.data.errors import DataError, PictureError
from kerasnorm.data.pictures import allocate, free_memory, workers_or

LOG = logging.getLogger(__name__)
CACHES = ("memory", "disk", "none")


class PictureStore:
    """Pictures of a list of files, decoded when first asked for.

    A file that cannot be read, now or because it vanished in mid-training, is replaced
    by the next good one, logged once, and listed in `rejected`. Training goes on.

    Args:
        paths: The files.
        decode: Turns a path into an array of uint8, or raises PictureError.
        image_shape: (height, width, channels) of every array.
        cache: "memory" keeps decoded pictures if all of them fit the budget, "disk"
            keeps them in an unnamed file, "none" decodes every time.
        memory_budget: Bytes; default: a quarter of the free memory.
    """

    def __init__(
        self,
        paths: Sequence[str],
        decode: Callable[[str], np.ndarray],
        image_shape: tuple[int, int, int],
        *,
        cache: str = "memory",
        memory_budget: int | None = None,
    ):
        self.paths = paths
        self.decode = decode
        self.image_shape = image_shape
        self.rejected: dict[str, str] = {}
        self._kept: np.ndarray | None = None
        self._is_kept = np.zeros(len(paths), dtype=bool)
        if memory_budget is None:
            memory_budget = free_memory() // 4
        shape = (len(paths), *image_shape)
        if cache == "disk":
            self._kept = allocate(shape, 0)
        elif cache == "memory" and np.prod(shape, dtype=np.int64) <= memory_budget:
            self._kept = allocate(shape, memory_budget)

    def read(
        self, samples: np.ndarray, threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return pictures, and which samples they really are.

        Args:
            samples: Positions in `paths`, (batch,).
            threads: Number of decoding threads; default: one per processor.

        Returns:
            uint8 array (batch, height, width, channels), and the positions of the
            files that were read, which differ where a file had to be replaced.
        """
        images = np.empty((len(samples), *self.image_shape), np.uint8)
        actual = np.array(samples)
        if self._kept is not None:
            missing = np.flatnonzero(~self._is_kept[actual])
            if len(missing) == 0:
                return np.take(self._kept, actual, axis=0, out=images), actual
        else:
            missing = np.arange(len(actual))

        def fill(place: int) -> None:
            images[place], actual[place] = self._read_one(int(actual[place]))

        if len(missing) < len(actual) and self._kept is not None:
            present = np.setdiff1d(np.arange(len(actual)), missing)
            images[present] = self._kept[actual[present]]
        threads = min(workers_or(threads), len(missing))
        if threads == 1:
            for place in map(int, missing):
                fill(place)
        else:
            with concurrent.futures.ThreadPoolExecutor(threads) as pool:
                list(pool.map(fill, missing))
        return images, actual

    def _read_one(self, sample: int) -> tuple[np.ndarray, int]:
        """Return the picture of a sample or of the next one that can be read."""
        for step in range(len(self.paths)):
            candidate = (sample + step) % len(self.paths)
            path = self.paths[candidate]
            if path in self.rejected:
                continue
            if self._kept is not None and self._is_kept[candidate]:
                return self._kept[candidate], candidate
            try:
                image = self.decode(path)
            except PictureError as error:
                self.rejected[path] = error.reason
                LOG.warning(
                    "%s: %s; another picture takes its place", path, error.reason
                )
                continue
            if self._kept is not None:
                self._kept[candidate] = image
                self._is_kept[candidate] = True
            return image, candidate
        path, reason = next(iter(self.rejected.items()))
        raise DataError(
            f"None of the {len(self.paths)} files is a usable picture (one of them: "
            f"{path}: {reason}). Replace them."
        )
