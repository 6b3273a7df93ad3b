"""What a user names as data, opened as a training and a validation index."""

import dataclasses
import os
import pathlib

from kerasnorm.data.errors import DataError
from kerasnorm.data.index import ImageIndex, index_classes, split_index
from kerasnorm.data.layout import ALL, Layout, find_layout

TFDS_PREFIX = "tfds:"
# Which part serves, what suits best first.
SERVES = {
    "train": ("train",),
    "validation": ("validation", "test"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Training and validation files with the same classes.

    Args:
        train: Files to train on.
        validation: Files to validate on.
        name: What the user called it.
        layout: What was found where.
        test: Files kept for a last evaluation, None where there are none.
    """

    train: ImageIndex
    validation: ImageIndex
    name: str
    layout: Layout
    test: ImageIndex | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is a position in it."""
        return self.train.class_names

    @property
    def has_own_validation(self) -> bool:
        """Whether the validation files are not split off from the training files."""
        return self.layout.has_parts

    @property
    def note(self) -> str:
        """What was taken for what, in one line."""
        if not self.has_own_validation:
            return self.layout.describe(
                all=f"{len(self.train):,} files of {len(self.class_names)} classes "
                f"train and {len(self.validation):,} validate"
            )
        if self.test is None and "validation" not in self.layout.parts:
            return self.layout.describe(
                train="trains", test="validates; there is no untouched test part"
            )
        return self.layout.describe(train="trains", validation="validates")


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
            `validation/` or `test/`, by whatever usual names, each with class folders:
            used as they are; `test/` validates where nothing else does.
            "tfds:NAME" or "tfds:NAME:SPLIT": an image-classification data set of
            tensorflow-datasets; its own validation (or test) split is used where it
            has one.
        validation_fraction: Fraction of the files split off for validation, where the
            source does not bring its own.
        seed: Decides that split.

    Returns:
        The files.

    Raises:
        DataError: There is nothing usable there; the message says how to fix it.
    """
    layout = find_source(spec)
    name = "drawn" if spec is None else os.fspath(spec)
    if not layout.has_parts:
        index = index_classes(layout.parts[ALL])
        train, validation = split_index(index, validation_fraction, seed)
        return Source(train, validation, name, layout)
    validating = layout.choose(*SERVES["validation"])
    train, validation = (
        index_classes(layout.parts[part])
        for part in (layout.choose("train"), validating)
    )
    check_same_classes(layout.directory, train, validation)
    return Source(train, validation, name, layout)


def open_part(spec: str | os.PathLike, use: str) -> tuple[ImageIndex, str]:
    """List the files of a source that serve one purpose.

    Args:
        spec: What `open_source` takes.
        use: "train" or "validation": that part is taken where there are parts, and
            all files where there are none.

    Returns:
        The files, and in one line what was taken.

    Raises:
        DataError: There is nothing usable there, or no such part.
    """
    layout = find_source(spec)
    part = layout.choose(*SERVES[use])
    uses = {part: "taken"}
    return index_classes(layout.parts[part]), layout.describe(**uses)


def find_source(spec: str | os.PathLike | None) -> Layout:
    """Find where the files of a source lie, making them first if need be.

    Args:
        spec: What `open_source` takes.

    Raises:
        DataError: There is nothing usable there.
    """
    if spec is None or spec == "drawn":
        from kerasnorm.data.drawn_pets import drawn_pets_directory

        return find_layout(drawn_pets_directory())
    if isinstance(spec, str) and spec.startswith(TFDS_PREFIX):
        from kerasnorm.data.datasets_tf import export_dataset

        return find_layout(export_dataset(spec.removeprefix(TFDS_PREFIX)))
    return find_layout(spec)


def check_same_classes(
    directory: pathlib.Path, train: ImageIndex, validation: ImageIndex
) -> None:
    """Raise DataError where the two sides would number their classes differently."""
    if train.class_names == validation.class_names:
        return
    only_train = sorted(set(train.class_names) - set(validation.class_names))
    only_validation = sorted(set(validation.class_names) - set(train.class_names))
    raise DataError(
        f"The training and validation images in {str(directory)!r} must have the "
        f"same class folders. Only for training: {only_train or 'none'}; only for "
        f"validation: {only_validation or 'none'}. Rename or remove them."
    )
