"""Images that lie in shards, read by their offsets."""

import dataclasses
import itertools
import os
from collections.abc import Sequence
from typing import cast

import numpy as np

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.limits import check_length
from kerasnorm.data.items.checksum import masked_crc32c
from kerasnorm.data.items.items import Items, stamp_of
from kerasnorm.data.items.texts import Texts


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Where images lie in shards.

    Args:
        shards: The shards, each with its bytes and time of change as it was indexed.
        shard: Number of the shard of each image, int32.
        places: What a `ShardTable` has, one row an image.
    """

    shards: tuple[tuple[str, tuple[int, int]], ...]
    shard: np.ndarray
    places: np.ndarray


class ShardItems(Items):
    """Images in shards; the shards are opened for each image and kept closed.

    Args:
        paths: How messages call each image.
        names: What identifies each image.
        where: Where they lie.
    """

    def __init__(self, paths: Sequence[str], names: Sequence[str], where: Places):
        super().__init__(paths)
        self._names = Texts.of(names)
        self.where = where

    def names(self, root: str) -> Sequence[str]:
        """Return the names of the members, which no folder is part of.

        Args:
            root: The folder of the shards, which does not matter.
        """
        return self._names

    def read(self, position: int) -> bytes:
        """Return all bytes of an image.

        Args:
            position: Which one.

        Raises:
            ImageError: Its shard is gone, has changed since it was indexed, or is
                damaged there.
        """
        name = self.paths[position]
        offset, length, record, size = self._row(position)
        check_length(name, length)
        if not size:
            return self._bytes(position, offset, length)
        whole = self._bytes(position, record, size)
        content, check = whole[:-4], whole[-4:]
        if masked_crc32c(content) != int.from_bytes(check, "little"):
            raise ImageError(name, "the record is damaged: its checksum does not fit")
        return content[offset - record : offset - record + length]

    def head(self, position: int, count: int) -> bytes:
        """Return the first bytes of an image; none where it cannot be read.

        Args:
            position: Which one.
            count: How many bytes at most.
        """
        offset, length, _, _ = self._row(position)
        try:
            return self._bytes(position, offset, min(length, count))
        except ImageError:
            return b""

    def stamps(self) -> np.ndarray:
        """Return bytes, time of change of the shard, its bytes, and the offset."""
        used, shard = np.unique(self.where.shard, return_inverse=True)
        found = [stamp_of(self.where.shards[number][0]) for number in used]
        now = np.array(found, np.int64).reshape(-1, 2)[shard]
        offset, length = self.where.places[:, 0], self.where.places[:, 1]
        stamps = np.stack([length, now[:, 1], now[:, 0], offset], axis=1)
        return np.where(now[:, 1:] > 0, stamps, 0)

    def take(self, positions: np.ndarray) -> "ShardItems":
        """Return the images at these positions, in their order.

        Args:
            positions: Integers in 0 to len - 1.
        """
        where = self.where
        return ShardItems(
            self.paths.take(positions),
            self._names.take(positions),
            Places(where.shards, where.shard[positions], where.places[positions]),
        )

    def joined(self, others: Sequence[Items]) -> "ShardItems":
        """Return these images and then others.

        Args:
            others: Images in shards.
        """
        parts = [self, *(cast(ShardItems, other) for other in others)]
        first = np.cumsum([0, *(len(part.where.shards) for part in parts)])
        return ShardItems(
            Texts.of(itertools.chain(*(part.paths for part in parts))),
            Texts.of(itertools.chain(*(part._names for part in parts))),
            Places(
                tuple(shard for part in parts for shard in part.where.shards),
                np.concatenate(
                    [p.where.shard + n for p, n in zip(parts, first[:-1], strict=True)]
                ),
                np.concatenate([part.where.places for part in parts]),
            ),
        )

    def _row(self, position: int) -> tuple[int, int, int, int]:
        return tuple(self.where.places[position].tolist())

    def _bytes(self, position: int, offset: int, length: int) -> bytes:
        name = self.paths[position]
        shard, stamp = self.where.shards[self.where.shard[position]]
        try:
            with open(shard, "rb", buffering=0) as file:
                status = os.fstat(file.fileno())
                if (status.st_size, status.st_mtime_ns) != stamp:
                    # Another image may lie there now, and its label is unknown.
                    raise ImageError(name, "the shard has changed since it was opened")
                file.seek(offset)
                content = file.read(length)
        except OSError as error:
            raise ImageError(name, error.strerror or str(error)) from error
        if len(content) < length:
            raise ImageError(name, "truncated: the shard ends before the image does")
        return content
