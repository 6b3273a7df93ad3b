"""A table of image files, `files.csv`, as a source."""

import csv
import math
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeGuard

import numpy as np

from kerasnorm.data.errors import DataError, problem_of
from kerasnorm.data.items.items import FileItems
from kerasnorm.data.items.texts import Texts
from kerasnorm.data.sources import remote
from kerasnorm.data.sources.layout import PART_WORDS, Layout
from kerasnorm.data.sources.listing import Listing, list_labelled

DELIMITERS = {".csv": ",", ".tsv": "\t"}
PATH, LABEL, PART, WEIGHT = COLUMNS = ("path", "label", "part", "sample_weight")
NEEDED = (PATH, LABEL)
PARTS = {word: part for part, words in PART_WORDS.items() for word in words}


def is_table(spec: Any) -> TypeGuard[str | os.PathLike]:
    """Say whether what a user names as data is a table of files.

    Args:
        spec: What `open_source` takes.
    """
    if not isinstance(spec, str | os.PathLike):
        return False
    text = os.fspath(spec)
    return (
        isinstance(text, str)
        and os.path.splitext(text)[1].lower() in DELIMITERS
        and not os.path.isdir(text)
    )


def open_table(spec: str | os.PathLike) -> Listing:
    """List the files that a table names.

    Args:
        spec: The table, in UTF-8, with a first row that names its columns: `path`,
            absolute or as seen from the folder of the table, and `label`; perhaps
            `part` (train, validation, test) and `sample_weight`; others are left alone.

    Raises:
        DataError: A column or value is missing or wrong, or no file is there.
    """
    if remote.is_url(str(spec)):
        raise DataError(
            f"Expected a table of files on this machine, received {spec}. Copy it here "
            "with the images, or give the URL of their folder or of shards."
        )
    file = pathlib.Path(spec).expanduser()
    folder = os.path.abspath(file.parent)
    labels: list[str] = []
    parts: list[str] = []
    weights: list[float] = []
    seen: set[str] = set()
    ignored: list[tuple[str, str]] = []

    def paths() -> Iterator[str]:
        for number, row in read_rows(file):
            path = os.path.normpath(os.path.join(folder, row[PATH]))
            if path in seen:
                raise _wrong(file, number, f"{row[PATH]!r} is named twice")
            seen.add(path)
            label, part, weight = _values(file, number, row)
            if not os.path.exists(path):
                ignored.append((path, "the file is missing"))
                continue
            labels.append(label)
            parts.append(part)
            weights.append(weight)
            yield path

    items = FileItems(paths())
    if not len(items):
        first = f" (the first: {ignored[0][0]})" if ignored else ""
        raise DataError(
            f"Expected {file} to name files that are there, but of its "
            f"{len(ignored):,} rows none does{first}. Paths are absolute or "
            f"as seen from {folder}."
        )
    return list_labelled(
        items,
        Texts.of(labels),
        np.array(parts),
        Layout(pathlib.Path(folder), {}, name=str(spec)),
        ignored,
        np.array(weights, np.float32) if set(weights) != {1.0} else None,
    )


def read_rows(file: pathlib.Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table and the numbers of their lines.

    Args:
        file: The table.

    Raises:
        DataError: It cannot be read, or lacks a column.
    """
    delimiter = DELIMITERS[file.suffix.lower()]
    try:
        # With the mark of byte order that spreadsheets write.
        with open(file, newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, delimiter=delimiter, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            _check_header(file, header, delimiter)
            for values in reader:
                if not any(map(str.strip, values)):
                    continue
                if len(values) != len(header):
                    problem = f"{len(values)} values for {len(header)} columns"
                    raise _wrong(file, reader.line_num, problem)
                yield reader.line_num, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise _wrong(file, reader.line_num, str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Expected a table of files in {file}, but {problem_of(error)}."
        ) from error


def _check_header(file: pathlib.Path, header: Sequence[str], delimiter: str) -> None:
    missing = [name for name in NEEDED if name not in header]
    if missing:
        named = "tabs" if delimiter == "\t" else "commas"
        raise DataError(
            f"Expected the columns {', '.join(NEEDED)} in the first row of {file}, "
            f"separated by {named}, but {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing; received "
            f"{', '.join(header) or 'nothing'}."
        )
    twice = sorted({name for name in COLUMNS if header.count(name) > 1})
    if twice:
        raise DataError(
            f"Expected each column once in {file}, received {twice[0]} twice. Remove "
            "one."
        )


def _values(
    file: pathlib.Path, number: int, row: dict[str, str]
) -> tuple[str, str, float]:
    """Return label, part and weight of a row, or raise DataError."""
    label, said = row[LABEL].strip(), row.get(PART, "").strip().lower()
    if not row[PATH].strip():
        raise _wrong(file, number, "the path is empty")
    if remote.is_url(row[PATH]):
        raise _wrong(file, number, f"{row[PATH]} is on another machine")
    if not label:
        raise _wrong(file, number, f"the label of {row[PATH]!r} is empty")
    if said and said not in PARTS:
        parts = ", ".join(PART_WORDS)
        raise _wrong(file, number, f"the part is {said!r}, which is none of {parts}")
    text = row.get(WEIGHT, "").strip() or "1"
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight >= 0):
        problem = f"the sample weight is {text!r}, which is no number from 0"
        raise _wrong(file, number, problem)
    return label, PARTS.get(said, ""), weight


def _wrong(file: pathlib.Path, number: int, problem: str) -> DataError:
    return DataError(
        f"Expected rows of {', '.join(NEEDED)} in {file}, but in line {number} "
        f"{problem}. Correct it."
    )
