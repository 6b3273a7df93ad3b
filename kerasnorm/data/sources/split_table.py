"""`split.csv`: which file of a data folder trains, validates or tests, and its hash."""

import concurrent.futures
import csv
import dataclasses
import hashlib
import io
import os
from collections.abc import Mapping, Sequence

from kerasnorm.data.errors import DataError, problem_of
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.split import PARTS

COLUMNS = ("path", "part", "size", "sha256")
# Reading all files to hash them pays up to here.
MAX_HASHED_FILES = 50_000
FILES_AT_ONCE = 100


@dataclasses.dataclass(frozen=True)
class Row:
    """What is known of one file.

    Args:
        part: "train", "validation" or "test".
        size: Bytes.
        sha256: Hash of its bytes in hexadecimal digits; "" where it was not taken.
    """

    part: str
    size: int
    sha256: str = ""


@dataclasses.dataclass(frozen=True)
class SplitTable:
    """The files of a run and what they were used for.

    Args:
        rows: By path below the data folder, with slashes, in the order of use.
    """

    rows: dict[str, Row]

    @classmethod
    def of(cls, parts: Mapping[str, ImageIndex]) -> "SplitTable":
        """Describe files as they are now.

        Args:
            parts: The files of each part.
        """
        files = [
            (part, name, path)
            for part, index in parts.items()
            for name, path in zip(index.names, index.paths, strict=True)
        ]
        hashes = [""] * len(files)
        if len(files) <= MAX_HASHED_FILES:
            hashes = hash_files([path for _, _, path in files])
        return cls(
            {
                name: Row(part, size_of(path), sha256)
                for (part, name, path), sha256 in zip(files, hashes, strict=True)
            }
        )

    def to_csv(self) -> str:
        """Return the table as text."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, row in self.rows.items():
            writer.writerow((name, row.part, row.size, row.sha256))
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
                    row["path"]: Row(row["part"], int(row["size"]), row["sha256"])
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


def hash_files(paths: Sequence[str]) -> list[str]:
    """Return the SHA-256 of each file in hexadecimal digits; "" if it cannot be read.

    Args:
        paths: The files.
    """
    # A thread is given many at once: small files are hashed faster than handed over.
    shares = [paths[i : i + FILES_AT_ONCE] for i in range(0, len(paths), FILES_AT_ONCE)]
    with concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool:
        hashed = pool.map(lambda share: [_hash_file(path) for path in share], shares)
        return [sha256 for share in hashed for sha256 in share]


def _hash_file(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def size_of(path: str) -> int:
    """Return the bytes of a file, 0 if it has vanished.

    Args:
        path: The file.
    """
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
