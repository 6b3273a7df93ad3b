"""The results of a study: one row for each finished cell, never half of one."""

import csv
import pathlib
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from scipy import stats

from kerasnorm.studies.study import Cell, Row
from kerasnorm.training.system.atomic_files import write_table


def read_rows(file: pathlib.Path) -> list[Row]:
    """Return the rows of a file, numbers as numbers; none where there is no file.

    Args:
        file: `results.csv`.
    """
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return [
            {
                name: value if name == "recipe" else _typed(value)
                for name, value in row.items()
            }
            for row in csv.DictReader(stream)
        ]


def add_row(file: pathlib.Path, row: Row) -> None:
    """Write one more row, in place of that of the same cell if there is one.

    Args:
        file: `results.csv`.
        row: The row; columns that others lack are added behind theirs.
    """
    key = (row["recipe"], row["seed"])
    others = [r for r in read_rows(file) if (r["recipe"], r["seed"]) != key]
    rows = [*others, row]
    columns = list(dict.fromkeys(name for one in rows for name in one))
    file.parent.mkdir(parents=True, exist_ok=True)
    write_table(file, columns, rows)


def row_of(cell: Cell, rows: Iterable[Row]) -> Row | None:
    """Return the row of a cell, None if it has none yet.

    Args:
        cell: The cell.
        rows: All rows.
    """
    key = (cell.recipe, cell.settings.seed)
    return next((r for r in rows if (r["recipe"], r["seed"]) == key), None)


def grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[tuple, list[Row]]:
    """Return rows by the values of some columns, in the order of their first row.

    Args:
        rows: The rows.
        names: The columns.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return a mean and its 95% interval by Student's t; infinite for one value.

    Args:
        values: One value for each seed.
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, float("-inf"), float("inf")
    error = statistics.stdev(values) / len(values) ** 0.5
    reach = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - reach, mean + reach


def differences(
    rows: Sequence[Row],
    is_first: Callable[[Row], bool],
    by: Sequence[str],
    figure: str = "accuracy",
) -> list[float]:
    """Return what one kind of row has more than the other, pair by pair.

    Args:
        rows: The rows, of two kinds.
        is_first: Whether a row is of the first kind; the others are subtracted.
        by: Columns that are the same in a pair.
        figure: The column that is compared.
    """
    others = {
        tuple(row[name] for name in by): row[figure]
        for row in rows
        if not is_first(row)
    }
    return [
        row[figure] - others[key]
        for row in filter(is_first, rows)
        if (key := tuple(row[name] for name in by)) in others
    ]


def _typed(value: str) -> Any:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value or None
