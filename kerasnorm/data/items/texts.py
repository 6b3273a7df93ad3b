"""Millions of paths in one block of memory."""

import array
import operator
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

# Texts made at once while all are passed through.
AT_ONCE = 4096
# What `os.fsdecode` uses, which takes longer by finding it out for each string.
ENCODING, ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()


class Strings(Sequence[str]):
    """A sequence of strings that equals every sequence of the same ones."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __hash__(self) -> int:
        return hash((len(self), *self[:2]))


class Texts(Strings):
    """A sequence of strings that takes a third of the memory of Python's own.

    Slices and `take` share the block of characters.

    Args:
        block: The strings in the encoding of file names, one after the other; uint8.
        starts: Where each begins.
        lengths: How many bytes each has.
    """

    __slots__ = ("_block", "_lengths", "_starts")

    def __init__(
        self, block: np.ndarray, starts: np.ndarray, lengths: np.ndarray
    ) -> None:
        self._block, self._starts, self._lengths = block, starts, lengths

    @classmethod
    def of(cls, texts: Iterable[str | os.PathLike[str]]) -> "Texts":
        """Put strings into one block.

        Args:
            texts: The strings; they are passed through once.
        """
        if isinstance(texts, Texts):
            return texts
        block, ends = bytearray(), array.array("q", [0])
        for text in texts:
            block += os.fsencode(text)
            ends.append(len(block))
        limits = np.frombuffer(ends, np.int64)
        lengths = np.diff(limits).astype(np.int32)
        return cls(np.frombuffer(block, np.uint8), limits[:-1], lengths)

    @classmethod
    def unpacked(cls, block: np.ndarray, lengths: np.ndarray) -> "Texts":
        """Return what `packed` has put together.

        Args:
            block: The strings.
            lengths: How many bytes each has.
        """
        ends = np.cumsum(lengths, dtype=np.int64)
        return cls(block, ends - lengths, lengths)

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all strings one after the other, and their lengths."""
        whole = b"".join(map(os.fsencode, self))
        return np.frombuffer(whole, np.uint8), self._lengths

    def take(self, positions: np.ndarray) -> "Texts":
        """Return the strings at these positions, in their order.

        Args:
            positions: Integers.
        """
        return Texts(self._block, self._starts[positions], self._lengths[positions])

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "Texts": ...

    def __getitem__(self, place: int | slice) -> "str | Texts":
        if isinstance(place, slice):
            return Texts(self._block, self._starts[place], self._lengths[place])
        start = int(self._starts[operator.index(place)])
        stop = start + int(self._lengths[place])
        return os.fsdecode(self._block[start:stop].tobytes())

    def __iter__(self) -> Iterator[str]:
        view = self._block.data
        for first in range(0, len(self), AT_ONCE):
            starts = self._starts[first : first + AT_ONCE].tolist()
            lengths = self._lengths[first : first + AT_ONCE].tolist()
            for start, length in zip(starts, lengths, strict=True):
                yield str(view[start : start + length], ENCODING, ERRORS)

    def __add__(self, other: Iterable[str]) -> "Texts":
        return Texts.of([*self, *other])

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self[:3])) + ", ..." * (len(self) > 3)
        return f"Texts({len(self):,}: {shown})"


class NamesBelow(Strings):
    """Paths as seen from a folder above them, with slashes on every system.

    Args:
        paths: The paths.
        folder: The folder; "" leaves them as they are.
    """

    __slots__ = ("_above", "_paths")

    def __init__(self, paths: Sequence[str], folder: str) -> None:
        self._paths = paths
        self._above = os.path.join(folder, "") if folder else ""

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "Sequence[str]": ...

    def __getitem__(self, place: int | slice) -> "str | Sequence[str]":
        if isinstance(place, slice):
            return [self._name(path) for path in self._paths[place]]
        return self._name(self._paths[place])

    def __iter__(self) -> Iterator[str]:
        return map(self._name, self._paths)

    def _name(self, path: str) -> str:
        return path.removeprefix(self._above).replace(os.sep, "/")
