"""Images that are read when they are asked for: from a store, or from their files."""

import concurrent.futures
import os
import sys
import threading
import time
import zlib
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.images.decoded_images import aligned_array, workers_or
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.store.folder import StoreFolder
from kerasnorm.data.store.holding import Holding
from kerasnorm.data.store.items import is_reachable, stamp_now
from kerasnorm.data.store.journal import NOT_KEPT, make_records

#: Seconds to wait for a data folder that has vanished, in growing steps: as long as a
#: network disk takes to come back.
WAITS = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class StoredImages:
    """Images of an index as an array that is on disk, or nowhere yet.

    It is indexed like an array of (images, height, width, 3). What the store does not
    have, or has in a damaged form, is decoded from its file. A file that is no longer
    what it was is an error: another image must not take its place.

    Args:
        holding: The images, without those that are rejected, and where they lie.
        image_size: Height and width in pixels.
        max_pixels: Larger images are rejected.
        folder: The store; None where there is none.
        workers: Number of decoding threads; default: one per processor.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        holding: Holding,
        image_size: tuple[int, int],
        max_pixels: int = MAX_PIXELS,
        folder: StoreFolder | None = None,
        workers: int | None = None,
    ) -> None:
        self.index, self.stamps = holding.index, holding.stamps
        self.keys, self.checksums = holding.keys, holding.checksums
        self.rows = holding.rows.copy()
        self.image_size, self.max_pixels = image_size, max_pixels
        self.folder, self.workers = folder, workers
        #: What ended the last reading; TensorFlow passes on no more than its text.
        self.failure: DataError | None = None
        self._is_verified = np.zeros(len(holding), bool)
        self._turn, self._has_waited = threading.Lock(), False
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None

    def __len__(self) -> int:
        return len(self.index)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, height, width and channels."""
        height, width = self.image_size
        return len(self), height, width, 3

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return int(np.prod(self.shape, dtype=np.int64))

    def __getitem__(self, chosen: Any) -> np.ndarray:
        positions = np.arange(len(self))[chosen]
        if np.ndim(positions) == 0:
            return self.read(positions[None])[0]
        return self.read(positions)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        images = self.read(np.arange(len(self)))
        return images if dtype is None else images.astype(dtype, copy=False)

    def read(self, positions: np.ndarray) -> np.ndarray:
        """Return images.

        Args:
            positions: int64 in 0 to len - 1, (n,).

        Returns:
            uint8 array of (n, height, width, 3).

        Raises:
            DataError: A file has changed or vanished that had to be read.
        """
        images = aligned_array((len(positions), *self.shape[1:]))
        self.read_into(np.asarray(positions), images)
        return images

    def read_into(self, positions: np.ndarray, images: np.ndarray) -> None:
        """Read images to where there is place for them.

        Args:
            positions: int64 in 0 to len - 1, (n,).
            images: uint8 array of (n, height, width, 3).

        Raises:
            DataError: A file has changed or vanished that had to be read.
        """
        missing = [
            place
            for place, position in enumerate(positions)
            if not self.load(position, images[place : place + 1])
        ]
        if not missing:
            return
        try:
            decoded = self._threads().map(self._decode, positions[missing])
            for place, image in zip(missing, decoded, strict=True):
                images[place] = image
        except DataError as error:
            self.failure = error
            raise

    def _threads(self) -> concurrent.futures.ThreadPoolExecutor:
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(workers_or(self.workers))
        return self._pool

    def load(self, position: int, image: np.ndarray) -> bool:
        """Read an image from the store, nowhere else.

        Args:
            position: Which one.
            image: Where it goes, uint8 of (1, height, width, 3).

        Returns:
            Whether the store has it, and whole.
        """
        row = self.rows[position]
        if row < 0 or self.folder is None:
            return False
        whole = self.folder.read(int(row), image)
        if whole and not self._is_verified[position]:
            whole = zlib.crc32(image.reshape(-1).data) == self.checksums[position]
            self._is_verified[position] = whole
        if not whole:
            self._give_up(position)
        return whole

    def _give_up(self, position: int) -> None:
        """Have a damaged image decoded from now on, and kept anew by the next run."""
        self.rows[position] = NOT_KEPT
        if self.folder is None or not self.folder.is_writeable:
            return
        lock = self.folder.writer()
        if lock is not None:
            with lock:
                key = self.keys[position : position + 1]
                self.folder.append(make_records(key, NOT_KEPT))

    def _decode(self, position: int) -> np.ndarray:
        for wait in (*WAITS, None):
            problem = "cannot be read"
            try:
                image = self.index.decode(
                    position, self.image_size, max_pixels=self.max_pixels
                )
            except ImageError as error:
                problem = f"cannot be read ({error.reason})"
                image = None
            now = stamp_now(self.index, position)
            if np.array_equal(now, self.stamps[position]):
                if image is not None:
                    return image
            elif now.any():
                problem, wait = "has changed", None
            elif is_reachable(self.index, position):
                problem, wait = "is gone", None
            if wait is None:
                break
            self._wait(position, wait)
        raise DataError(
            f"Expected {self.index.paths[position]} as it was when its run began, but "
            f"it {problem}. Put it back, or begin a new run."
        )

    def _wait(self, position: int, seconds: float) -> None:
        with self._turn:
            is_first, self._has_waited = not self._has_waited, True
        if is_first:
            # One thread speaks for all.
            place = self.index.root or os.path.dirname(self.index.paths[position])
            print(f"waiting for {place}, which cannot be read", file=sys.stderr)
        time.sleep(seconds)
