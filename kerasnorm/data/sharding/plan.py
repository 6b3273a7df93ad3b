"""What has been written of a set of shards, and whether it is of the same images."""

import dataclasses
import hashlib
import json
import os
import pathlib
from typing import Any

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.index import ImageIndex


@dataclasses.dataclass(frozen=True)
class Written:
    """One shard that is complete.

    Args:
        name: Its file.
        size: Its bytes.
        images: Images in it.
        stop: Place, in the order of writing, of the image after its last.
        rejected: Images left out on the way, with the reason.
    """

    name: str
    size: int
    images: int
    stop: int
    rejected: tuple[tuple[str, str], ...]


class Plan:
    """The record beside shards, by which writing continues after an interruption.

    Args:
        file: Where it lies.
        key: What the shards are made of; another one makes others.
    """

    def __init__(self, file: pathlib.Path, key: str) -> None:
        self.file, self.key = file, key
        self.written: list[Written] = []

    @property
    def stop(self) -> int:
        """Place of the first image that is in no complete shard."""
        return self.written[-1].stop if self.written else 0

    def read(self) -> None:
        """Take up what was written before; shards that are gone are written again.

        Raises:
            DataError: It was written from other images or otherwise.
        """
        if not self.file.exists():
            return
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            key, shards = found["key"], [_written(row) for row in found["shards"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"Expected the record of shards in {self.file}, but it is none. Remove "
                "it with the shards beside it, or give another name."
            ) from error
        if key != self.key:
            raise DataError(
                "Expected shards of the same images, size, quality and shard size as "
                f"in {self.file}, but they were written from other images or with "
                "other values. Remove them, or give another name."
            )
        for shard in shards:
            path = self.file.with_name(shard.name)
            aside = aside_of(path)
            if not path.exists() and _size(aside) == shard.size:
                # Interrupted between the record and the name.
                aside.replace(path)
            if _size(path) != shard.size:
                break
            self.written.append(shard)

    def add(self, shard: Written) -> None:
        """Record one more shard.

        Args:
            shard: The shard, complete under the name of `aside_of`.
        """
        self.written.append(shard)
        rows = [dataclasses.asdict(one) for one in self.written]
        values: dict[str, Any] = {"key": self.key, "shards": rows}
        aside = aside_of(self.file)
        aside.write_text(json.dumps(values, indent=1), encoding="utf-8")
        aside.replace(self.file)


def aside_of(path: pathlib.Path) -> pathlib.Path:
    """Return where a file is written until it is complete.

    Args:
        path: The file.
    """
    return path.with_name(f".{path.name}.part")


def key_of(index: ImageIndex, *options: Any) -> str:
    """Return what tells one set of shards from another.

    Args:
        index: The images, with all that shows a change of them.
        *options: How they are written.
    """
    key = hashlib.blake2b(repr((options, index.class_names)).encode(), digest_size=16)
    for name in index.names:
        key.update(os.fsencode(name) + b"\0")
    key.update(index.labels.tobytes())
    key.update(index.items.stamps().tobytes())
    return key.hexdigest()


def _written(row: dict[str, Any]) -> Written:
    rejected = tuple((path, reason) for path, reason in row["rejected"])
    return Written(**(row | {"rejected": rejected}))


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.is_file() else -1
