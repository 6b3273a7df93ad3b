"""The bytes of images, wherever they lie."""

import abc
import itertools
import os
from collections.abc import Iterable, Sequence

import numpy as np

from kerasnorm.data.images.limits import check_regular, read_file
from kerasnorm.data.items.texts import NamesBelow, Texts


class Items(abc.ABC):
    """Encoded images by their position, and what tells that one has changed.

    Args:
        paths: How messages call each image: its file, or its place in a shard.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = Texts.of(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def names(self, root: str) -> Sequence[str]:
        """Return what identifies each image however the data folder is called.

        Args:
            root: The data folder.
        """
        return NamesBelow(self.paths, root)

    @abc.abstractmethod
    def read(self, position: int) -> bytes:
        """Return all bytes of an image.

        Args:
            position: Which one.

        Raises:
            ImageError: They cannot be read; the message has its path.
        """

    @abc.abstractmethod
    def head(self, position: int, count: int) -> bytes:
        """Return the first bytes of an image; none where it cannot be read.

        Args:
            position: Which one.
            count: How many bytes at most.
        """

    @abc.abstractmethod
    def stamps(self) -> np.ndarray:
        """Return numbers that change when an image does, as far as it can be seen.

        Returns:
            Array of int64, (images, numbers): bytes of the image, then the time of
            change, in nanoseconds, of the file that it lies in, and perhaps more; all
            zero where there is no such file any more.
        """

    @abc.abstractmethod
    def take(self, positions: np.ndarray) -> "Items":
        """Return the images at these positions, in their order.

        Args:
            positions: Integers in 0 to len - 1.
        """

    @abc.abstractmethod
    def joined(self, others: Sequence["Items"]) -> "Items":
        """Return these images and then others of the same kind.

        Args:
            others: The others.
        """


class FileItems(Items):
    """Images that are a file each.

    Args:
        paths: The files.
    """

    def read(self, position: int) -> bytes:
        """Return all bytes of a file.

        Args:
            position: Which one.

        Raises:
            ImageError: It is missing, empty, too large or not a regular file.
        """
        return read_file(self.paths[position])

    def head(self, position: int, count: int) -> bytes:
        """Return the first bytes of a file; none where it cannot be read.

        Args:
            position: Which one.
            count: How many bytes at most.
        """
        path = self.paths[position]
        try:
            check_regular(path)
            with open(path, "rb", buffering=0) as file:
                return file.read(count)
        except (OSError, ValueError):
            return b""

    def stamps(self) -> np.ndarray:
        """Return bytes and time of change of each file."""
        return np.array([stamp_of(path) for path in self.paths], np.int64).reshape(
            -1, 2
        )

    def take(self, positions: np.ndarray) -> "FileItems":
        """Return the files at these positions, in their order.

        Args:
            positions: Integers in 0 to len - 1.
        """
        return FileItems(self.paths.take(positions))

    def joined(self, others: Sequence[Items]) -> "FileItems":
        """Return these files and then others.

        Args:
            others: The others.
        """
        if not others:
            return self
        return FileItems(itertools.chain(self.paths, *(o.paths for o in others)))


def stamp_of(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return bytes and time of change of a file, both 0 if it has vanished.

    Args:
        path: The file.
    """
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
