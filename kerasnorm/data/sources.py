"""What a user names as data, opened as a training and a validation index."""

import dataclasses
import os
import pathlib

from kerasnorm.data.errors import DataError
from kerasnorm.data.index import (
    ImageIndex,
    check_directory,
    class_folders,
    index_directory,
    split_index,
)

TFDS_PREFIX = "tfds:"
# What people call the folder of validation pictures; the first that exists is taken.
VALIDATION_NAMES = ("validation", "val", "valid", "dev", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Training and validation files with the same classes.

    Args:
        train: Files to train on.
        validation: Files to validate on.
        name: What the user called it.
        has_own_validation: Whether the validation files are the source's own, and not
            split off from its training files.
    """

    train: ImageIndex
    validation: ImageIndex
    name: str
    has_own_validation: bool = False

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is a position in it."""
        return self.train.class_names


def open_source(
    spec: str | os.PathLike | None = None,
    *,
    validation_fraction: float = 0.2,
    seed: int = 0,
) -> Source:
    """Open what `--data` names.

    Args:
        spec: None or "drawn": cats and dogs drawn by the library. A folder with one
            sub-folder for each class: split at random. A folder with `train/` and
            `validation/` (or `val/`, `valid/`, `dev/`, `test/`), each with class
            folders: used as they are.
            "tfds:NAME" or "tfds:NAME:SPLIT": an image-classification data set of
            tensorflow-datasets; its own validation (or test) split is used where it
            has one.
        validation_fraction: Share of the files split off for validation, where the
            source does not bring its own.
        seed: Decides that split.

    Returns:
        The files.

    Raises:
        DataError: There is nothing usable there; the message says how to mend it.
    """
    if spec is None or spec == "drawn":
        from kerasnorm.data.drawn_pets import drawn_pets_directory

        return open_directory(
            drawn_pets_directory(), "drawn", validation_fraction, seed
        )
    if isinstance(spec, str) and spec.startswith(TFDS_PREFIX):
        from kerasnorm.data.datasets_tf import export_dataset

        directory = export_dataset(spec.removeprefix(TFDS_PREFIX))
        return open_directory(directory, spec, validation_fraction, seed)
    return open_directory(spec, os.fspath(spec), validation_fraction, seed)


def open_directory(
    directory: str | os.PathLike, name: str, validation_fraction: float, seed: int
) -> Source:
    """Open a folder of class folders, or of `train/` and `validation/`."""
    directory = check_directory(directory)
    folders = class_folders(directory)
    other = next((name for name in VALIDATION_NAMES if name in folders), None)
    if "train" in folders and other is not None:
        train = index_directory(directory / "train")
        validation = index_directory(directory / other)
        check_same_classes(directory, train, validation)
        return Source(train, validation, name, has_own_validation=True)
    if not folders:
        raise DataError(
            f"Folder {str(directory)!r} has no sub-folders. Put the pictures of each "
            "class into a folder named after it, or these into train/ and validation/."
        )
    index = index_directory(directory)
    return Source(*split_index(index, validation_fraction, seed), name)


def check_same_classes(
    directory: pathlib.Path, train: ImageIndex, validation: ImageIndex
) -> None:
    """Raise DataError where the two sides would number their classes differently."""
    if train.class_names == validation.class_names:
        return
    only_train = sorted(set(train.class_names) - set(validation.class_names))
    only_validation = sorted(set(validation.class_names) - set(train.class_names))
    raise DataError(
        f"The training and validation pictures in {str(directory)!r} must have the "
        f"same class folders. Only for training: {only_train or 'none'}; only for "
        f"validation: {only_validation or 'none'}. Rename or remove them."
    )
