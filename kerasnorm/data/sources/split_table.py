"""`split.csv`: which file of a data folder trains, validates or tests, and its hash."""

import concurrent.futures
import csv
import dataclasses
import hashlib
import io
import os
import sys
from collections.abc import Mapping, Sequence

from kerasnorm.data.errors import DataError, ImageError, problem_of
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.items.items import Items
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.split import PARTS

COLUMNS = ("path", "part", "size", "sha256")
# A further column where classes are not folders.
LABEL = "label"
# Reading all files to hash them pays up to here.
MAX_HASHED_FILES = 50_000
FILES_AT_ONCE = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """What is known of one file.

    Args:
        part: "train", "validation" or "test".
        size: Bytes.
        sha256: Hash of its bytes in hexadecimal digits; "" where it was not taken.
        label: Its class; "" where that is a folder of its path.
    """

    part: str
    size: int
    sha256: str = ""
    label: str = ""


@dataclasses.dataclass(frozen=True)
class SplitTable:
    """The files of a run and what they were used for.

    Args:
        rows: By path below the data folder, with slashes, in the order of use.
    """

    rows: dict[str, Row]

    @classmethod
    def of(
        cls, parts: Mapping[str, ImageIndex], *, has_labels: bool = False
    ) -> "SplitTable":
        """Describe files as they are now.

        Args:
            parts: The files of each part.
            has_labels: Whether their classes are not folders of their paths.
        """
        is_hashed = sum(map(len, parts.values())) <= MAX_HASHED_FILES
        rows: dict[str, Row] = {}
        for part, index in parts.items():
            everything = range(len(index))
            hashes = hash_items(index.items, everything) if is_hashed else ()
            sizes = index.items.stamps()[:, 0].tolist()
            for place, name in enumerate(index.names):
                label = index.class_names[index.labels[place]] if has_labels else ""
                sha256 = hashes[place] if hashes else ""
                rows[name] = Row(part, sizes[place], sha256, label)
        return cls(rows)

    def to_csv(self) -> str:
        """Return the table as text."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        has_labels = any(row.label for row in self.rows.values())
        writer.writerow((*COLUMNS, *[LABEL] * has_labels))
        for name, row in self.rows.items():
            values = (name, row.part, row.size, row.sha256)
            writer.writerow((*values, *[row.label] * has_labels))
        return stream.getvalue()

    @classmethod
    def read(cls, file: str | os.PathLike) -> "SplitTable":
        """Read a table back.

        Args:
            file: A `split.csv`.

        Raises:
            DataError: It is no such table.
        """
        try:
            with open(
                file, newline="", encoding="utf-8", errors="surrogateescape"
            ) as stream:
                rows = {
                    row["path"]: Row(
                        sys.intern(row["part"]),
                        int(row["size"]),
                        row["sha256"],
                        sys.intern(row.get(LABEL) or ""),
                    )
                    for row in csv.DictReader(stream)
                }
        except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
            is_read = not isinstance(error, OSError)
            problem = "rows have others" if is_read else problem_of(error)
            raise DataError(
                f"Expected a table of the columns {', '.join(COLUMNS)} in "
                f"{os.fspath(file)!r}, but {problem}."
            ) from error
        unknown = {row.part for row in rows.values()} - set(PARTS)
        if unknown or not rows:
            raise DataError(
                f"Expected the parts {', '.join(PARTS)} in {os.fspath(file)!r}, "
                f"received {', '.join(sorted(unknown)) or 'no row'}."
            )
        return cls(rows)


def hash_items(items: Items, positions: Sequence[int]) -> list[str]:
    """Return the SHA-256 of images in hexadecimal digits; "" if they cannot be read.

    Args:
        items: The images.
        positions: Which of them.
    """
    # A thread is given many at once: small files are hashed faster than handed over.
    chunks = [
        positions[first : first + FILES_AT_ONCE]
        for first in range(0, len(positions), FILES_AT_ONCE)
    ]

    def hash_chunk(chunk: Sequence[int]) -> list[str]:
        return [_hash_item(items, position) for position in chunk]

    with concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool:
        return [sha256 for chunk in pool.map(hash_chunk, chunks) for sha256 in chunk]


def _hash_item(items: Items, position: int) -> str:
    try:
        return hashlib.sha256(items.read(position)).hexdigest()
    except ImageError:
        return ""
