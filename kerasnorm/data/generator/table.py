"""Columns of a table of images, checked: file names, class labels, numbers."""

import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError

Label = str | list[str]


def column(table: Any, name: str) -> list:
    """Return one column of a pandas or polars frame or of a dictionary of lists."""
    names = table.keys() if hasattr(table, "keys") else getattr(table, "columns", None)
    if names is None:
        raise DataError(
            "Expected the table to be a pandas or polars frame or a dictionary of "
            "columns. "
            f"Received: {type(table).__name__}."
        )
    if name not in list(names):
        known = ", ".join(repr(key) for key in table)
        raise DataError(f"Expected a column of the table, {known}. Received: {name!r}.")
    return list(table[name])


def text_column(table: Any, name: str) -> list[str]:
    """Return a column of file names; raise DataError for what is no text or path."""
    values = column(table, name)
    for value in values:
        if not isinstance(value, str | os.PathLike):
            raise DataError(
                f"Expected column {name!r} to hold file names. Received: {value!r} "
                "among them."
            )
    return [os.fspath(value) for value in values]


def number_column(table: Any, name: str) -> np.ndarray:
    """Return a column of numbers; raise DataError for anything else."""
    values = np.array(column(table, name))
    if not np.issubdtype(values.dtype, np.number):
        raise DataError(
            f"Expected column {name!r} to hold numbers. Received: {values.dtype.name}."
        )
    return values


def label_column(table: Any, name: str | Sequence[str], several: bool) -> list[Label]:
    """Return a column of class names, or lists of them where `several` may hold.

    Args:
        table: The table.
        name: The column.
        several: Whether an entry may be a list of class names.

    Raises:
        DataError: An entry is neither.
    """
    if not isinstance(name, str):
        raise DataError(
            f"Expected `y_col` to be the name of one column. Received: {name!r}. "
            "Several need "
            "class_mode='multi_output' or 'raw'."
        )
    labels: list[Label] = []
    for value in column(table, name):
        if isinstance(value, str):
            labels.append(value)
        elif several and isinstance(value, list | tuple | np.ndarray):
            labels.append([str(label) for label in value])
        else:
            raise DataError(
                f"Expected column {name!r} to hold class names as text"
                f"{' or lists of them' if several else ''}. Received: {value!r} among "
                "them. Turn numbers into text, or use class_mode='raw'."
            )
    return labels


def keep_classes(
    rows: list[int], labels: list[Label], classes: Collection[str]
) -> tuple[list[int], list[Label]]:
    """Leave out labels of other classes, and rows without any label left.

    Args:
        rows: Numbers of the rows in use.
        labels: Label of every row of the table.
        classes: The classes to keep.

    Returns:
        The remaining rows, and the labels of all rows.
    """
    kept: list[int] = []
    labels = list(labels)
    for row in rows:
        label = labels[row]
        if isinstance(label, str):
            if label not in classes:
                continue
        else:
            labels[row] = [one for one in label if one in classes]
            if not labels[row]:
                continue
        kept.append(row)
    return kept, labels


def class_names_of(labels: Sequence[Label]) -> list[str]:
    """Return all class names, sorted."""
    found = set()
    for label in labels:
        found.update([label] if isinstance(label, str) else label)
    return sorted(found)


def is_image_file(path: str, endings: tuple[str, ...]) -> bool:
    """Say whether a path exists and ends like the name of an image."""
    return path.lower().endswith(endings) and os.path.isfile(path)
