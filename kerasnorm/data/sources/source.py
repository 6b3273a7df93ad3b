"""What a user names as data, opened as a training and a validation index."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources import remote, shard_files, shards, table
from kerasnorm.data.sources.index import ImageIndex, with_gray_bits
from kerasnorm.data.sources.layout import ALL, Layout, find_layout
from kerasnorm.data.sources.listing import Listing, list_classes
from kerasnorm.data.sources.split import assign_parts, take_parts

TFDS_PREFIX = "tfds:"
# Which part serves, what suits best first.
SERVES = {
    "train": ("train",),
    "validation": ("validation", "test"),
}
USES = {
    "train": "train",
    "validation": "validate",
    "test": "are kept for a last evaluation",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Files:
    """All files of a source, divided as its folders are.

    Args:
        layout: What was found where.
        parts: Files by part: "all", or "train" and "validation", perhaps "test".
    """

    layout: Layout
    parts: dict[str, ImageIndex]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is a position in it."""
        return next(iter(self.parts.values())).class_names

    def note(self, parts: Mapping[str, ImageIndex]) -> str:
        """Say in one line what was taken for what.

        Args:
            parts: The files of each part of a run.
        """
        if not self.layout.has_parts:
            said = [
                f"{len(index):,} files {USES[part]}" for part, index in parts.items()
            ]
            return self.layout.describe(all=", ".join(said))
        if "validation" in self.layout.parts:
            return self.layout.describe(**{part: USES[part] for part in parts})
        uses = {"train": USES["train"], "test": USES["validation"]}
        untouched = "; there is no test part that training leaves untouched"
        return self.layout.describe(**uses) + untouched


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """Training and validation files with the same classes.

    Args:
        train: Files to train on.
        validation: Files to validate on.
        name: What the user called it.
        test: Files kept for a last evaluation, None where there are none.
        has_own_validation: Whether the validation files are the source's own, and not
            split off from its training files.
        note: What was taken for what, in one line.
    """

    train: ImageIndex
    validation: ImageIndex
    name: str
    test: ImageIndex | None = None
    has_own_validation: bool = False
    note: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; a label is a position in it."""
        return self.train.class_names


def open_source(
    spec: str | os.PathLike | None = None,
    *,
    validation_fraction: float = 0.2,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> Source:
    """Open what `--data` names.

    Args:
        spec: None or "drawn": cats and dogs drawn by the library. A folder with one
            sub-folder for each class: split at random. A folder with `train/` and
            `validation/` or `test/`, under any usual name, each with class folders:
            used as they are; `test/` validates where nothing else does. The URL of
            such a folder: fetched by fsspec.
            "tfds:NAME" or "tfds:NAME:SPLIT": an image-classification data set of
            tensorflow-datasets; its own validation (or test) split is used where it
            has one. "shards:PATTERN": WebDataset tar files or TFRecord files. A table
            "FILE.csv" or "FILE.tsv" with the columns `path` (from the table on) and
            `label`, and perhaps `part` and `sample_weight`.
        validation_fraction: Fraction of the files split off for validation, where the
            source does not bring its own.
        test_fraction: Likewise for a test part; 0 for none.
        seed: Decides that split.

    Returns:
        The files.

    Raises:
        DataError: There is nothing usable there; the message says how to fix it.
    """
    files = open_files(spec)
    parts = files.parts
    if not files.layout.has_parts:
        fractions = {"validation": validation_fraction}
        if test_fraction:
            fractions["test"] = test_fraction
        assigned, _ = assign_parts(parts[ALL], fractions, seed)
        parts = take_parts(parts[ALL], assigned)
    return Source(
        parts["train"],
        parts["validation"],
        "drawn" if spec is None else os.fspath(spec),
        parts.get("test"),
        files.layout.has_parts,
        files.note(parts),
    )


def open_files(spec: str | os.PathLike | None) -> Files:
    """List all files of a source that can train, validate or test.

    Args:
        spec: What `open_source` takes.

    Returns:
        The files by part: "all", or "train" and "validation" and perhaps "test".

    Raises:
        DataError: There is nothing usable there, or the parts have other classes.
    """
    listing = find_source(spec)
    layout, index_of = listing.layout, listing.index_of
    if not layout.has_parts:
        return Files(layout, with_gray_bits({ALL: index_of(ALL)}))
    folders = {use: layout.choose(*serving) for use, serving in SERVES.items()}
    if "test" in layout.parts and "test" not in folders.values():
        folders["test"] = "test"
    parts = {use: index_of(part) for use, part in folders.items()}
    for use in folders:
        check_same_classes(layout.directory, use, parts["train"], parts[use])
    return Files(layout, with_gray_bits(parts))


def open_part(
    spec: str | os.PathLike, use: str, gray_bits: int | None = None
) -> tuple[ImageIndex, str]:
    """List the files of a source that serve one purpose.

    Args:
        spec: What `open_source` takes.
        use: "train" or "validation": that part is taken where there are parts, and
            all files where there are none.
        gray_bits: Bits of the index, where they have been measured on other files.

    Returns:
        The files, and in one line what was taken.

    Raises:
        DataError: There is nothing usable there, or no such part.
    """
    listing = find_source(spec)
    layout = listing.layout
    part = layout.choose(*SERVES[use])
    index = listing.index_of(part)
    index = with_gray_bits({part: index}, gray_bits)[part]
    return index, layout.describe(**{part: f"{len(index):,} files taken"})


def is_folder(spec: str | os.PathLike) -> bool:
    """Say whether what a user names as data is the path or the URL of a folder.

    Args:
        spec: What `open_source` takes.
    """
    prefixes = (TFDS_PREFIX, shard_files.PREFIX)
    is_other = isinstance(spec, str) and spec.startswith(prefixes)
    return not is_other and not table.is_table(spec)


def find_source(spec: str | os.PathLike | None) -> Listing:
    """Find where the images of a source lie, making them first if need be.

    Args:
        spec: What `open_source` takes.

    Raises:
        DataError: There is nothing usable there.
    """
    if spec is None or spec == "drawn":
        from kerasnorm.data.drawn_pets.dataset import drawn_pets_directory

        return list_classes(find_layout(drawn_pets_directory()))
    if isinstance(spec, str) and spec.startswith(TFDS_PREFIX):
        from kerasnorm.data.sources import datasets_items_tf

        return datasets_items_tf.open_dataset(spec)
    if isinstance(spec, str) and spec.startswith(shard_files.PREFIX):
        return shards.open_shards(spec)
    if table.is_table(spec):
        return table.open_table(spec)
    if remote.is_url(spec):
        copy = remote.fetch(str(spec))
        try:
            layout = dataclasses.replace(find_layout(copy), name=str(spec))
            return list_classes(layout)
        except DataError as error:
            raise DataError(remote.as_given(str(error))) from error
    return list_classes(find_layout(spec))


def check_same_classes(
    directory: pathlib.Path, use: str, train: ImageIndex, other: ImageIndex
) -> None:
    """Raise DataError where the two sides would number their classes differently."""
    if train.class_names == other.class_names:
        return
    only_train = sorted(set(train.class_names) - set(other.class_names))
    only_other = sorted(set(other.class_names) - set(train.class_names))
    raise DataError(
        f"Expected the training and {use} images in {str(directory)!r} to have the "
        "same class folders, but they have not. Only for training: "
        f"{only_train or 'none'}; only for "
        f"{use}: {only_other or 'none'}. Rename or remove them."
    )
