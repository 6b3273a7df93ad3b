"""One store on disk: a folder with pixels, and the journal of what lies where."""

import contextlib
import json
import os
import pathlib
import threading
from typing import IO, Any

import numpy as np

from kerasnorm.data import locks
from kerasnorm.data.store.journal import append_records, read_journal

DESCRIPTION, IN_USE, WRITER = "store.json", ".in_use.lock", ".writer.lock"
PIXELS, JOURNAL, REASONS = "pixels.u8", "journal", "rejected.jsonl"
# Who removes a store has it for a moment.
HOLD_SECONDS = 10.0


class StoreFolder:
    """A folder of decoded images, which nobody removes while it is open.

    Pixels of images are written first and their records afterwards: a record speaks of
    pixels that are there, whenever a process was killed.

    Args:
        path: The folder; made if needed.
        made_from: What decides its name, for those who list stores.

    Raises:
        OSError: It cannot be written, and there is none that can be read.
    """

    def __init__(self, path: pathlib.Path, made_from: dict[str, Any]) -> None:
        self.path = path
        self._pixels, self._turn = -1, threading.Lock()
        binary = getattr(os, "O_BINARY", 0)
        try:
            self._lock: IO[Any] | None = _hold(path)
            _describe(path / DESCRIPTION, made_from)
            flags = os.O_RDWR | os.O_CREAT | binary
            self._pixels = os.open(path / PIXELS, flags, 0o644)
        except OSError:
            # What others have written can be read all the same.
            self._lock = None
            self._pixels = os.open(path / PIXELS, os.O_RDONLY | binary)

    @property
    def is_writeable(self) -> bool:
        """Whether images can be added."""
        return self._lock is not None

    def close(self) -> None:
        """Let go of the folder."""
        if self._pixels >= 0:
            os.close(self._pixels)
            self._pixels = -1
        if self._lock is not None:
            self._lock.close()

    def __del__(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.close()

    def writer(self, seconds: float = 0.0) -> IO[Any] | None:
        """Return the lock of the one who writes, None while another process has it.

        Args:
            seconds: How long to wait for it.
        """
        return locks.take(self.path / WRITER, seconds)

    def records(self) -> np.ndarray:
        """Return the records of all images."""
        return read_journal(self.path / JOURNAL)

    def append(self, records: np.ndarray) -> None:
        """Note images.

        Args:
            records: From `make_records`; the pixels are written already.
        """
        append_records(self.path / JOURNAL, records)

    def next_row(self, row_bytes: int) -> int:
        """Return the first row behind all that has been written.

        Args:
            row_bytes: Bytes of an image.
        """
        return -(-os.fstat(self._pixels).st_size // row_bytes)

    def write(self, row: int, images: np.ndarray) -> None:
        """Write pixels of images one after the other.

        Args:
            row: Row of the first.
            images: uint8, (images, ...).

        Raises:
            OSError: The disk is full, or the file may not grow.
        """
        content = images.reshape(-1).data
        place = row * images[0].nbytes
        while content:
            with self._turn:
                os.lseek(self._pixels, place, os.SEEK_SET)
                written = os.write(self._pixels, content)
            place, content = place + written, content[written:]

    def read(self, row: int, images: np.ndarray) -> bool:
        """Read pixels of images that lie one after the other.

        The file is read, not mapped: mapped pages count as memory of the process, and
        a file that becomes shorter would end it by a signal.

        Args:
            row: Row of the first.
            images: Where the pixels go, uint8 (images, ...).

        Returns:
            Whether they are there.
        """
        content = images.reshape(-1).data
        place = row * images[0].nbytes
        while content:
            count = self._read_some(content, place)
            if count <= 0:
                return False
            place, content = place + count, content[count:]
        return True

    def _read_some(self, content: memoryview, place: int) -> int:
        try:
            if hasattr(os, "preadv"):
                return os.preadv(self._pixels, [content], place)
            with self._turn:
                os.lseek(self._pixels, place, os.SEEK_SET)
                found = os.read(self._pixels, len(content))
        except OSError:
            return -1
        content[: len(found)] = found
        return len(found)

    def rejected(self) -> dict[str, str]:
        """Return why files were no images, by key in hexadecimal digits."""
        found = {}
        with contextlib.suppress(FileNotFoundError):
            text = (self.path / REASONS).read_text(encoding="utf-8", errors="replace")
            for line in text.splitlines():
                # A crash may have cut a line off.
                with contextlib.suppress(ValueError):
                    key, reason = json.loads(line)
                    found[key] = reason
        return found

    def reject(self, reasons: dict[str, str]) -> None:
        """Note why files are no images.

        Args:
            reasons: By key in hexadecimal digits.
        """
        lines = "".join(f"\n{json.dumps(pair)}" for pair in reasons.items())
        with open(self.path / REASONS, "a", encoding="utf-8") as stream:
            stream.write(f"{lines}\n")


def _describe(file: pathlib.Path, made_from: dict[str, Any]) -> None:
    """Write the description of a new store; note the time of use of an old one."""
    if not file.is_file():
        aside = file.with_name(f".{os.getpid()}.{threading.get_ident()}")
        aside.write_text(json.dumps(made_from), encoding="utf-8")
        aside.replace(file)
    # The stores that have not been used for the longest time go first.
    os.utime(file)


def _hold(path: pathlib.Path) -> IO[Any]:
    """Make a folder and hold it, so that nobody removes it."""
    lock = locks.take(path / IN_USE, HOLD_SECONDS, shared=True)
    if lock is None:
        raise OSError(f"{path} is being removed again and again")
    return lock
