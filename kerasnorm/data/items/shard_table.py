"""Where in a shard its images lie, found once and kept in the user's cache."""

import contextlib
import dataclasses
import hashlib
import io
import os
import pathlib
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.items.items import stamp_of
from kerasnorm.data.items.texts import Texts

#: Another form of table is not read.
FORM = 1


@dataclasses.dataclass(frozen=True)
class Found:
    """One image of a shard.

    Args:
        name: What it is called in the shard.
        offset: Where its bytes begin.
        length: How many there are.
        label: Its class; "" where the shard says none.
        record: Where the record with its checksum begins and how many bytes that has;
            (0, 0) where there is none.
    """

    name: str
    offset: int
    length: int
    label: str
    record: tuple[int, int] = (0, 0)


@dataclasses.dataclass(frozen=True, eq=False)
class ShardTable:
    """The images of one shard.

    Args:
        names: What each is called in the shard.
        labels: Their classes; "" where the shard says none.
        places: Offset, length, and offset and length of the record, (images, 4).
        rejected: Names of images that cannot be used, with the reason; "" for the
            shard itself.
        stamp: Bytes and time of change of the shard.
    """

    names: Texts
    labels: Texts
    places: np.ndarray
    rejected: tuple[tuple[str, str], ...]
    stamp: tuple[int, int]

    @classmethod
    def of(
        cls,
        found: Iterable[Found],
        rejected: list[tuple[str, str]],
        stamp: tuple[int, int],
    ) -> "ShardTable":
        """Collect what a pass through a shard finds.

        Args:
            found: The images; passed through once.
            rejected: What the pass adds rejected images to.
            stamp: Bytes and time of change of the shard before the pass.
        """
        # Objects of Python would take several times the memory.
        places: list[np.ndarray] = []
        labels: list[str] = []

        def names() -> Iterable[str]:
            for image in found:
                row = (image.offset, image.length, *image.record)
                places.append(np.array(row, np.int64))
                labels.append(image.label)
                yield image.name

        texts = Texts.of(names())
        array = np.array(places, np.int64).reshape(-1, 4)
        return cls(texts, Texts.of(labels), array, tuple(rejected), stamp)


def table_of(
    path: str, kind: str, read: Callable[[str, list[tuple[str, str]]], Iterable[Found]]
) -> ShardTable:
    """Return the table of a shard, from the cache where the shard is the same.

    Args:
        path: The shard.
        kind: What decides, beside the shard, what is found in it.
        read: Passes through a shard and yields what it finds; adds to a list what
            cannot be used.
    """
    stamp = stamp_of(path)
    file = _file(path, kind)
    known = _recall(file, stamp)
    if known is not None:
        return known
    rejected: list[tuple[str, str]] = []
    table = ShardTable.of(read(path, rejected), rejected, stamp)
    if stamp_of(path) == stamp:
        _remember(file, table)
    return table


def _file(path: str, kind: str) -> pathlib.Path:
    key = hashlib.blake2b(os.fsencode(os.path.realpath(path)), digest_size=16)
    key.update(f"\0{kind}\0{FORM}".encode())
    return cache_directory("shards") / f"{key.hexdigest()}.npz"


def _remember(file: pathlib.Path, table: ShardTable) -> None:
    lines = Texts.of(text for row in table.rejected for text in row)
    content = io.BytesIO()
    columns: dict[str, Any] = {
        "stamp": np.array(table.stamp, np.int64),
        "places": table.places,
        **_columns("names", table.names),
        **_columns("labels", table.labels),
        **_columns("rejected", lines),
    }
    np.savez(content, **columns)
    # Without a cache the shard is passed through again.
    with contextlib.suppress(OSError):
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        aside.write_bytes(content.getvalue())
        aside.replace(file)


def _columns(name: str, texts: Texts) -> dict[str, np.ndarray]:
    block, lengths = texts.packed()
    return {name: block, f"{name}_lengths": lengths}


def _recall(file: pathlib.Path, stamp: tuple[int, int]) -> ShardTable | None:
    try:
        with np.load(file, allow_pickle=False) as saved:
            if tuple(saved["stamp"].tolist()) != stamp:
                return None
            names, labels, lines = (
                Texts.unpacked(saved[name], saved[f"{name}_lengths"])
                for name in ("names", "labels", "rejected")
            )
            rejected = tuple(zip(lines[::2], lines[1::2], strict=True))
            return ShardTable(names, labels, saved["places"], rejected, stamp)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
