"""ImageDataGenerator's iterator over a table of file names."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator import table
from kerasnorm.data.generator.array_iterator import check_finite, check_subset
from kerasnorm.data.generator.file_iterator import (
    FileFormat,
    FileIterator,
    check_choice,
    check_class_names,
    image_endings,
)
from kerasnorm.data.generator.iterator_options import (
    IteratorOptions,
    check_switches,
)
from kerasnorm.data.sources.folders import check_directory

LOG = logging.getLogger(__name__)
LABEL_MODES = ("categorical", "binary", "sparse")


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns of a table of images.

    Args:
        file: Names of the files.
        target: Targets; a list of columns for "multi_output" and "raw".
        weight: Weights of the samples; None for none.
    """

    file: str = "filename"
    target: str | Sequence[str] = "class"
    weight: str | None = None


class DataFrameIterator(FileIterator):
    """Batches of images named in a table.

    Args:
        dataframe: A pandas or polars frame, or a dictionary of columns.
        generator: The ImageDataGenerator.
        iterator_options: How to walk.
        file_format: How files become arrays.
        columns: Names of the columns.
        directory: Folder the file names are relative to; None for absolute names.
        classes: Class names in the order of their numbers; rows of other classes are
            left out. Default: all, sorted.
        class_mode: "categorical", "binary", "sparse", "input", "multi_output", "raw"
            or None.
        subset: "training" or "validation": a part of the rows, the first ones being
            validation, as the generator's `validation_split` says; None is all.
        validate_filenames: Leave out rows whose file is missing or not named like a
            image; they are listed in `invalid_filenames`.

    Raises:
        DataError: A column is missing or holds the wrong kind of values, or an option
            is unknown.
    """

    allowed_class_modes = (*LABEL_MODES, "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: Any,
        generator: Any,
        iterator_options: IteratorOptions,
        file_format: FileFormat,
        columns: Columns,
        *,
        directory: str | os.PathLike | None = None,
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        subset: str | None = None,
        validate_filenames: bool = True,
    ):
        check_choice("class_mode", class_mode, self.allowed_class_modes)
        check_class_names(classes)
        check_switches(validate_filenames=validate_filenames)
        fixed = generator.compat == "fixed"
        names = table.text_column(dataframe, columns.file)
        if directory is not None:
            if fixed:
                check_directory(directory)
            directory = os.path.expanduser(directory)
        paths = [os.path.join(directory or "", name) for name in names]
        rows = list(range(len(names)))
        self.invalid_filenames: list[str] = []
        if validate_filenames:
            rows = self._valid_rows(names, paths, generator.compat, columns.file)
        self.directory = directory
        self.class_indices: dict[str, int] = {}
        if class_mode in LABEL_MODES:
            labels = table.label_column(
                dataframe, columns.target, class_mode == "categorical"
            )
            if classes is not None:
                if fixed:
                    known = table.class_names_of([labels[row] for row in rows])
                    check_classes(classes, columns.target, known)
                rows, labels = table.keep_classes(rows, labels, classes)
            known = list(classes or ()) or table.class_names_of(
                [labels[row] for row in rows]
            )
            self.class_indices = _numbered(known, class_mode)
        if subset is not None:
            check_subset(subset, generator)
            border = int(len(rows) * generator.validation_split)
            if class_mode in LABEL_MODES and fixed:
                check_parts(labels, rows, border)
            rows = rows[:border] if subset == "validation" else rows[border:]
        super().__init__(
            [paths[row] for row in rows],
            generator,
            iterator_options,
            file_format,
            class_mode=class_mode,
            subset=subset,
        )
        rows = [rows[position] for position in self.used]
        self._say_what_was_found(validate_filenames, class_mode)
        self.filenames = [names[row] for row in rows]
        self.sample_weight = (
            None
            if columns.weight is None
            else table.number_column(dataframe, columns.weight)[rows]
        )
        if class_mode in LABEL_MODES:
            self.classes = [self._numbers(labels[row]) for row in rows]
        elif class_mode in ("raw", "multi_output"):
            self._targets = self._raw_targets(dataframe, columns.target, rows)
            if fixed:
                for values in self._targets if class_mode != "raw" else [self._targets]:
                    check_finite("The targets in `y_col`", values)
        if fixed:
            check_finite("`weight_col`", self.sample_weight)

    def _valid_rows(
        self,
        names: Sequence[str],
        paths: Sequence[str],
        compat: str,
        column: str,
    ) -> list[int]:
        """Return the rows whose files are there, and note and report the others."""
        endings = image_endings(self.white_list_formats, compat)
        rows = [
            row for row, path in enumerate(paths) if table.is_image_file(path, endings)
        ]
        usable = set(rows)
        self.invalid_filenames = [
            name for row, name in enumerate(names) if row not in usable
        ]
        report_invalid(paths, usable, endings, column)
        return rows

    def _say_what_was_found(self, validated: bool, class_mode: str | None) -> None:
        belonging = (
            f" belonging to {len(self.class_indices)} classes"
            if class_mode in LABEL_MODES
            else ""
        )
        word = "validated" if validated else "non-validated"
        print(f"Found {self.n} {word} image filenames{belonging}.")

    @property
    def labels(self) -> Any:
        """Class number of every file, or a list of them, or the raw targets."""
        return self.classes if self.class_mode in LABEL_MODES else self._targets

    def _numbers(self, label: table.Label) -> int | list[int]:
        if isinstance(label, str):
            return self.class_indices[label]
        return [self.class_indices[one] for one in label]

    def _raw_targets(
        self, dataframe: Any, target: str | Sequence[str], rows: list[int]
    ) -> Any:
        if self.class_mode == "raw" and isinstance(target, str):
            return np.array(table.column(dataframe, target))[rows]
        if isinstance(target, str):
            raise DataError(
                "Expected a list of columns as `y_col` of `class_mode='multi_output'`. "
                f"Received: {target!r}."
            )
        columns = [np.array(table.column(dataframe, name))[rows] for name in target]
        return np.stack(columns, axis=-1) if self.class_mode == "raw" else columns

    def with_targets(self, images: np.ndarray, samples: np.ndarray):
        """Return images with the targets of the class mode and weights."""
        if self.class_mode is None:
            return images
        targets: Any
        if self.class_mode == "raw":
            targets = self._targets[samples]
        elif self.class_mode == "multi_output":
            targets = [values[samples] for values in self._targets]
        else:
            targets = self.class_targets(images, samples)
        if self.sample_weight is None:
            return images, targets
        return images, targets, self.sample_weight[samples]


def check_classes(classes: Sequence[str], column: Any, found: Sequence[str]) -> None:
    """Raise DataError for a class that no row has."""
    for name in classes:
        if name not in found:
            raise DataError(
                f"Expected `classes` that rows of column {column!r} have. Received: "
                f"{name!r}; known are {', '.join(map(repr, found)) or 'none'}. Correct "
                "the name."
            )


def report_invalid(
    paths: Sequence[str], usable: set[int], endings: tuple[str, ...], column: str
) -> None:
    """Warn of rows without an image file; raise DataError where no row has one."""
    missing = [path for row, path in enumerate(paths) if row not in usable]
    if not missing:
        return
    path = missing[0]
    reason = (
        f"its name ends in none of {', '.join(endings)}"
        if not path.lower().endswith(endings)
        else "there is no such file"
    )
    count = f"{len(missing)} of {len(paths)} rows have no image file"
    first = f"the first is {path!r}: {reason}"
    if not usable:
        raise DataError(
            f"Expected an image file in the rows of the table, but {count}; {first}. "
            f"Check `directory` and the column {column!r}."
        )
    LOG.warning("%s and are left out; %s.", count, first)


def check_parts(labels: Sequence[table.Label], rows: Sequence[int], border: int):
    """Raise DataError for parts that a table sorted by class has.

    Those are a class that only the validation part has, and a validation part of one
    class beside a training part of several.
    """
    validation, training = (
        table.class_names_of([labels[row] for row in part])
        for part in (rows[:border], rows[border:])
    )
    unknown = sorted(set(validation) - set(training))
    if unknown:
        problem = f"holds {unknown[0]!r}, which no row of the training part has"
    elif len(validation) == 1 < min(border, len(training)):
        problem = (
            f"holds the class {validation[0]!r} only, the training part "
            f"{len(training)} classes"
        )
    else:
        return
    raise DataError(
        "Expected the same classes in both parts, but the validation part (the first "
        f"{border} rows) {problem}. Shuffle the rows of the table first."
    )


def _numbered(known: Sequence[str], class_mode: str | None) -> dict[str, int]:
    """Return the number of each class."""
    if class_mode == "binary" and len(known) != 2:
        raise DataError(
            f"Expected two classes for `class_mode='binary'`. Received: "
            f"{len(known)}. Use 'categorical'."
        )
    return {name: number for number, name in enumerate(known)}
