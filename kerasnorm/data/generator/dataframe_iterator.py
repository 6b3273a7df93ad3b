"""ImageDataGenerator's iterator over a table of file names."""

import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator import table
from kerasnorm.data.generator.array_iterator import check_subset
from kerasnorm.data.generator.file_iterator import (
    FileFormat,
    FileIterator,
    check_choice,
)
from kerasnorm.data.generator.iterator import Flow

LABEL_MODES = ("categorical", "binary", "sparse")


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of the columns of a table of pictures.

    Args:
        file: Names of the files.
        target: Targets; a list of columns for "multi_output" and "raw".
        weight: Weights of the samples; None for none.
    """

    file: str = "filename"
    target: str | Sequence[str] = "class"
    weight: str | None = None


class DataFrameIterator(FileIterator):
    """Batches of pictures named in a table.

    Args:
        dataframe: A pandas or polars frame, or a dictionary of columns.
        generator: The ImageDataGenerator.
        flow: How to walk.
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
            picture; they are listed in `invalid_filenames`.

    Raises:
        DataError: A column is missing or holds the wrong kind of values, or an option
            is unknown.
    """

    allowed_class_modes = (*LABEL_MODES, "input", "multi_output", "raw", None)

    def __init__(
        self,
        dataframe: Any,
        generator: Any,
        flow: Flow,
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
        names = table.text_column(dataframe, columns.file)
        paths = [os.path.join(directory or "", name) for name in names]
        rows = list(range(len(names)))
        self.invalid_filenames: list[str] = []
        if validate_filenames:
            rows = [
                row
                for row in rows
                if table.is_picture_file(paths[row], self.white_list_formats)
            ]
            usable = set(rows)
            self.invalid_filenames = [
                name for row, name in enumerate(names) if row not in usable
            ]
        self.directory = directory
        self.class_indices: dict[str, int] = {}
        if class_mode in LABEL_MODES:
            several = class_mode == "categorical"
            labels = table.label_column(dataframe, columns.target, several)
            if classes is not None:
                rows, labels = table.keep_classes(rows, labels, classes)
            known = classes or table.class_names_of([labels[row] for row in rows])
            if class_mode == "binary" and len(known) != 2:
                raise DataError(
                    f"`class_mode='binary'` needs two classes. Received: {len(known)}. "
                    "Use 'categorical'."
                )
            self.class_indices = {name: number for number, name in enumerate(known)}
        if subset is not None:
            check_subset(subset)
            border = int(len(rows) * generator.validation_split)
            rows = rows[:border] if subset == "validation" else rows[border:]
        super().__init__(
            [paths[row] for row in rows],
            generator,
            flow,
            file_format,
            class_mode=class_mode,
            subset=subset,
        )
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
                "`class_mode='multi_output'` needs a list of columns as `y_col`. "
                f"Received: {target!r}."
            )
        columns = [np.array(table.column(dataframe, name))[rows] for name in target]
        return np.stack(columns, axis=-1) if self.class_mode == "raw" else columns

    def with_targets(self, images: np.ndarray, samples: np.ndarray):
        """Return pictures with the targets of the class mode and weights."""
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
