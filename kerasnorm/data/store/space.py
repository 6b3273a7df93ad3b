"""The disk that stores may take: how much there is, and what goes first."""

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
from typing import Any

from kerasnorm.data import locks
from kerasnorm.data.cache import cache_directory
from kerasnorm.data.store.folder import DESCRIPTION, IN_USE, PIXELS

FOLDER = "images"
GIGABYTE = 10**9
# Of the free disk, which belongs to others as well; and of it what is left free.
FRACTION_OF_FREE, LEFT_FREE = 0.25, 0.05
REMOVED = ".removed."


@dataclasses.dataclass(frozen=True)
class Store:
    """A store as it lies in the cache directory.

    Args:
        path: Its folder.
        made_from: Data folder, image size and more.
        size: Bytes on disk.
        used: When it was last opened, in seconds since 1970.
    """

    path: pathlib.Path
    made_from: dict[str, Any]
    size: int
    used: float

    @property
    def images(self) -> int:
        """How many images it holds, former ones of files that have changed included."""
        height, width = self.made_from["image_size"]
        image_bytes = self.made_from.get("image_bytes", height * width * 3)
        pixels = self.path / PIXELS
        return pixels.stat().st_size // image_bytes if pixels.exists() else 0

    @property
    def is_in_use(self) -> bool:
        """Whether a process has it open."""
        lock = locks.take(self.path / IN_USE)
        if lock is None:
            return True
        lock.close()
        return False


def stores_directory() -> pathlib.Path:
    """Return the folder of all stores.

    Raises:
        OSError: It cannot be made.
    """
    return cache_directory(FOLDER)


def list_stores() -> list[Store]:
    """Return all stores, the one that was used last first."""
    found = []
    for path in stores_directory().iterdir():
        # One that is removed at this moment is none.
        with contextlib.suppress(OSError, ValueError):
            description = path / DESCRIPTION
            made_from = json.loads(description.read_text(encoding="utf-8"))
            used = description.stat().st_mtime
            found.append(Store(path, made_from, size_of(path), used))
    return sorted(found, key=lambda store: -store.used)


def size_of(path: pathlib.Path) -> int:
    """Return the bytes of the files of a store, 0 if there is none.

    Args:
        path: Its folder.
    """
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(path):
            with contextlib.suppress(FileNotFoundError):
                total += entry.stat().st_size
    return total


def remove_store(path: pathlib.Path) -> bool:
    """Remove a store unless a process has it open.

    Args:
        path: Its folder.

    Returns:
        Whether it was removed.
    """
    lock = locks.take(path / IN_USE)
    if lock is None:
        return False
    aside = path.with_name(f"{REMOVED}{os.getpid()}.{path.name}")
    with lock:
        try:
            # At once, so that nobody opens a store of which half is gone.
            path.rename(aside)
        except OSError:
            return False
    shutil.rmtree(aside, ignore_errors=True)
    return True


def remove_remains() -> None:
    """Remove what killed processes have left of stores."""
    for path in stores_directory().glob(f"{REMOVED}*"):
        shutil.rmtree(path, ignore_errors=True)


def allowed(limit: float | None) -> float:
    """Return how many bytes all stores together may have.

    Args:
        limit: What the user allows, in gigabytes; None for a fraction of the free
            disk.
    """
    if limit is not None:
        return limit * GIGABYTE
    mine = sum(store.size for store in list_stores())
    return FRACTION_OF_FREE * (_free() + mine)


def make_room(own: pathlib.Path, needed: int, limit: float | None) -> bool:
    """Make room for images by removing the stores not used for the longest time.

    Args:
        own: Folder of the store that grows; it stays.
        needed: Bytes by which it grows.
        limit: What the user allows, in gigabytes; None for a fraction of the free
            disk.

    Returns:
        Whether there is room; if not, nothing was removed in vain.
    """
    remove_remains()
    most_bytes = allowed(limit)
    others = [store for store in list_stores() if store.path != own]
    total = size_of(own) + needed

    def fits() -> bool:
        used = total + sum(store.size for store in others)
        return used <= most_bytes and needed <= (1 - LEFT_FREE) * _free()

    free = [store for store in others if not store.is_in_use]
    most = most_bytes - sum(store.size for store in others if store not in free)
    if total > most:
        return False
    while not fits():
        if not free:
            return False
        oldest = free.pop()
        if remove_store(oldest.path):
            others.remove(oldest)
    return True


def _free() -> int:
    return shutil.disk_usage(stores_directory()).free


def amount(count: float) -> str:
    """Return a number of bytes in words.

    Args:
        count: The bytes.

    Example:
        >>> amount(663_552_000)
        '664 MB'
    """
    for unit in ("bytes", "kB", "MB"):
        if count < 999.5:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
