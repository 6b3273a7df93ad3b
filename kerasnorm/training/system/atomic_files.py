"""Files that a reader finds whole: the old one or the new one, never half of it."""

import csv
import io
import json
import math
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def write_text(
    file: pathlib.Path, text: str, *, errors: str = "backslashreplace"
) -> None:
    """Write a text file so that a reader sees the old or the new one, never half.

    Args:
        file: Output path.
        text: Its content.
        errors: What becomes of bytes in names of files that are not UTF-8: an escape,
            which JSON and YAML read back, or with "surrogateescape" the bytes, which
            leaves the file no UTF-8.
    """
    aside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with aside.open("w", encoding="utf-8", errors=errors, newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(file)


def write_table(
    file: pathlib.Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> None:
    """Write a CSV file so that a reader sees the old or the new one, never half.

    Args:
        file: Output path.
        columns: Names of the columns.
        rows: Values by column name.
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(file, stream.getvalue())


def json_text(value: Any) -> str:
    """Return a value as JSON; NaN and infinity, which JSON lacks, become null.

    Args:
        value: Anything made of plain values, arrays and dataclasses left out.
    """
    text = json.dumps(_without_nan(value), indent=2, ensure_ascii=False, default=_plain)
    return text + "\n"


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return _without_nan(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"expected a plain value for JSON, received {type(value).__name__}")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
