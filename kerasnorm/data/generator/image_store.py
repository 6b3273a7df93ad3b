"""Reads the images of an iterator and keeps them."""

import concurrent.futures
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.images.decoded_images import allocate, free_memory, workers_or

CACHES = ("memory", "disk", "none")
UNREADABLE = ("raise", "skip")


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
            keeps them in an unnamed file, "none" decodes every time.
        memory_budget: Bytes; default: a quarter of the free memory.
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
    ):
        self.paths = list(paths)
        self.decode = decode
        self.image_shape = image_shape
        self._kept: np.ndarray | None = None
        self._is_kept = np.zeros(len(paths), dtype=bool)
        if memory_budget is None:
            memory_budget = free_memory() // 4
        shape = (len(paths), *image_shape)
        size = np.prod(shape, dtype=np.int64) * dtype.itemsize
        if cache == "disk":
            self._kept = allocate(shape, 0, dtype)
        elif cache == "memory" and size <= memory_budget:
            self._kept = allocate(shape, memory_budget, dtype)

    def __getstate__(self):
        # Other processes read the files themselves: the images may fill the memory.
        return self.__dict__ | {"_kept": None, "_is_kept": np.zeros_like(self._is_kept)}

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
        if self._kept is not None and np.all(self._is_kept[samples]):
            return np.take(self._kept, samples, axis=0)
        try:
            return np.stack(self._map(self._read_one, samples, threads))
        except ImageError as error:
            raise DataError(
                f"Expected an image in every file, but {error}. Remove or replace the "
                "file, or leave out all that cannot be read with "
                "ImageDataGenerator(unreadable='skip')."
            ) from error

    def drop_unreadable(self) -> tuple[np.ndarray, dict[str, str]]:
        """Read every file once and leave out those that cannot be read.

        Returns:
            Positions of the files that stay, in the list there was, and the reason for
            each file that does not.
        """

        def reason_of(sample: int) -> str | None:
            try:
                self._read_one(sample)
            except ImageError as error:
                return error.reason
            return None

        reasons = self._map(reason_of, range(len(self.paths)))
        stay = np.array(
            [at for at, reason in enumerate(reasons) if reason is None], int
        )
        rejected = {
            path: reason
            for path, reason in zip(self.paths, reasons, strict=True)
            if reason is not None
        }
        if rejected and len(stay) == 0:
            path, reason = next(iter(rejected.items()))
            raise DataError(
                f"Expected a usable image, but none of the {len(self.paths)} files is "
                f"one (one of them: {path}: {reason}). Replace them."
            )
        self.paths = [self.paths[at] for at in stay]
        self._is_kept = self._is_kept[stay]
        if self._kept is not None and rejected:
            # Moved down one by one: a second array might not fit.
            for place, source in enumerate(stay):
                self._kept[place] = self._kept[source]
        return stay, rejected

    def _map(self, function: Callable, samples: Iterable[int], threads=None) -> list:
        """Return the function's results, in order, computed in threads."""
        positions = [int(sample) for sample in samples]
        threads = min(workers_or(threads), len(positions))
        if threads == 1:
            return list(map(function, positions))
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            return list(pool.map(function, positions))

    def _read_one(self, sample: int) -> np.ndarray:
        """Return one image, from what is kept or from its file."""
        if self._kept is not None and self._is_kept[sample]:
            return self._kept[sample]
        image = self.decode(self.paths[sample])
        if self._kept is not None and np.can_cast(image.dtype, self._kept.dtype):
            self._kept[sample] = image
            self._is_kept[sample] = True
        return image
