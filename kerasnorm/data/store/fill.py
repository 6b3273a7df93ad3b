"""Decodes what a store does not have yet, block by block."""

import concurrent.futures
import contextlib
import itertools
import sys
import zlib
from collections.abc import Callable, Iterator

import numpy as np

from kerasnorm.data.errors import ImageError, problem_of
from kerasnorm.data.images.decode import QuietPillow
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.store.folder import StoreFolder
from kerasnorm.data.store.holding import Holding
from kerasnorm.data.store.journal import NOT_KEPT, REJECTED, make_records

# A killed process loses no more than what it decoded of one.
BLOCK_BYTES = 8 * 2**20
WAIT_SECONDS = 1.0
Decode = Callable[[int], np.ndarray]


class Filling:
    """Decodes what is missing, and keeps it, or at least what is known of it then.

    Args:
        holding: The images; it is completed.
        folder: The store; None to remember nothing.
        image_bytes: Bytes of an image.
        is_kept: Whether the store keeps pixels.
    """

    def __init__(
        self,
        holding: Holding,
        folder: StoreFolder | None,
        image_bytes: int,
        is_kept: bool,
    ) -> None:
        self.holding, self.folder = holding, folder
        self.image_bytes, self.is_kept = image_bytes, is_kept
        #: Why not all is kept, in a few words.
        self.problem = ""
        self._row = 0

    def run(
        self,
        decode: Decode,
        report: Callable[[int], None],
        workers: int | None,
        *,
        with_pixels: bool,
    ) -> None:
        """Decode what is missing.

        Args:
            decode: Decodes the image at a position.
            report: Called with the number of files done.
            workers: Number of decoding threads; None for one per processor.
            with_pixels: Whether images are decoded, too, that are known to be images.
        """
        with_pixels = with_pixels or self.is_kept
        missing = self.holding.missing(with_pixels=with_pixels)
        if not len(missing):
            return
        if self.folder is None or not self.folder.is_writeable:
            self.folder = None
            self._decode(missing, decode, report, workers)
            return
        with _alone(self.folder):
            # What others have written meanwhile, or had when they crashed.
            self.holding.recall(self.folder)
            missing = self.holding.missing(with_pixels=with_pixels)
            self._row = self.folder.next_row(self.image_bytes)
            self._decode(missing, decode, report, workers)

    def _decode(
        self,
        missing: np.ndarray,
        decode: Decode,
        report: Callable[[int], None],
        workers: int | None,
    ) -> None:
        def attempt(position: int) -> np.ndarray | str:
            try:
                return decode(position)
            except ImageError as error:
                return error.reason

        done = itertools.count(1)
        length = max(1, BLOCK_BYTES // self.image_bytes)
        with (
            QuietPillow(),
            concurrent.futures.ThreadPoolExecutor(workers_or(workers)) as pool,
        ):
            for first in range(0, len(missing), length):
                block = missing[first : first + length].tolist()
                images: dict[int, np.ndarray] = {}
                reasons: dict[int, str] = {}
                for position, found in zip(
                    block, pool.map(attempt, block), strict=True
                ):
                    if isinstance(found, str):
                        reasons[position] = found
                    else:
                        images[position] = found
                    report(next(done))
                self._note(images, reasons)

    def _note(self, images: dict[int, np.ndarray], reasons: dict[int, str]) -> None:
        good, bad = list(images), list(reasons)
        self.holding.rows[good], self.holding.rows[bad] = NOT_KEPT, REJECTED
        self.holding.reasons |= reasons
        if self.folder is None:
            return
        try:
            if good and self.is_kept and not self.problem:
                self._keep(good, np.stack(list(images.values())))
            elif good:
                self.folder.append(make_records(self.holding.keys[good], NOT_KEPT))
            if bad:
                keys = self.holding.keys[bad]
                names = [key.tobytes().hex() for key in keys]
                self.folder.reject(dict(zip(names, reasons.values(), strict=True)))
                self.folder.append(make_records(keys, REJECTED))
        except OSError as error:
            # What is in the store already serves; the rest is decoded when it is used.
            self.problem = f"not all can be kept there: {problem_of(error)}"

    def _keep(self, positions: list[int], images: np.ndarray) -> None:
        """Write a block: first its pixels, then its records."""
        holding, folder = self.holding, self.folder
        if folder is None:
            return
        folder.write(self._row, images)
        rows = self._row + np.arange(len(images))
        sums = np.array([zlib.crc32(one.reshape(-1)) for one in images], np.uint32)
        folder.append(make_records(holding.keys[positions], rows, sums))
        holding.rows[positions], holding.checksums[positions] = rows, sums
        self._row += len(images)


@contextlib.contextmanager
def _alone(folder: StoreFolder) -> Iterator[None]:
    """Be the one who writes to a store; wait for the process that does."""
    lock = folder.writer()
    if lock is None:
        print("another process decodes images of this folder: waiting", file=sys.stderr)
        while lock is None:
            lock = folder.writer(WAIT_SECONDS)
    with lock:
        yield
