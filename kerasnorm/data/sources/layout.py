"""What a folder holds: classes, or parts (training, validation, test) with classes."""

import dataclasses
import os
import pathlib
import re

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.folders import (
    check_directory,
    class_folders,
    filled_folders,
)

# Words in the names of folders that say which part of a data set lies there.
PART_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "val", "valid", "validate", "dev"),
    "test": ("test", "testing", "tst"),
}
# What is written together with them: `trainset`, `test_images`, `TrainData`.
SUFFIXES = ("sets?", "data", "images?", "imgs?", "photos?", "pictures?", "split", "dir")
PATTERNS = {
    part: re.compile(rf"(?:{'|'.join(words)})(?:{'|'.join(SUFFIXES)})?")
    for part, words in PART_WORDS.items()
}
# The one part of a folder without parts.
ALL = "all"
NAMES_SHOWN = 6
HOW_TO_FIX = (
    "Give a folder with one sub-folder for each class, or with train/ and validation/ "
    "that hold these."
)


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which folders below a data folder hold the classes.

    Args:
        directory: The data folder.
        parts: Folder of class folders by part: `{"all": ...}`, or of "train",
            "validation" and "test" those that are there.
        left_out: Names of sub-folders that are neither part nor class.
        name: What the user called it, where that is not the folder.
        has_folders: Whether parts and classes are folders, and not said by a table or
            by shards.
    """

    directory: pathlib.Path
    parts: dict[str, pathlib.Path]
    left_out: tuple[str, ...] = ()
    name: str = ""
    has_folders: bool = True

    @property
    def has_parts(self) -> bool:
        """Whether the folder is divided into training, validation or test."""
        return ALL not in self.parts

    def choose(self, *wanted: str) -> str:
        """Return the first part that is there.

        Args:
            *wanted: Parts, what suits best first; classes without parts suit always.

        Raises:
            DataError: None is there.
        """
        for part in (*wanted, ALL):
            if part in self.parts:
                return part
        found = ", ".join(f"{self.name_of(part)}/" for part in self.parts)
        raise DataError(
            f"Expected a {wanted[0]} part in {str(self.directory)!r}, but found only "
            f"{found}. Give the folder that holds its class folders."
        )

    def name_of(self, part: str) -> str:
        """Return the path of a part as seen from the data folder.

        Args:
            part: The part.
        """
        return os.path.relpath(self.parts[part], self.directory)

    def describe(self, **uses: str) -> str:
        """Say in one line what was taken for what.

        Args:
            **uses: What a part is used for, by the part; those without are named as
                not used.
        """
        said = []
        for part in self.parts:
            name = self.name_of(part)
            use = uses.get(part, "not used")
            if not self.has_folders:
                said.append(use if part == ALL else f"{part}: {use}")
            elif part == ALL:
                said.append(use if name == "." else f"{name}/: {use}")
            else:
                said.append(f"{name}/: {use}")
        if self.left_out:
            said.append(f"left out: {', '.join(f'{n}/' for n in self.left_out)}")
        return f"{self.name or self.directory}: {'; '.join(said)}"


def find_layout(directory: str | os.PathLike) -> Layout:
    """Decide what a folder holds: class folders, or parts that hold class folders.

    Parts are known by their names, in any case and with prefixes and suffixes
    (`train`, `Training`, `seg_train`, `test1`, `VAL`, `valid`, `dev`), and by the
    class folders in them: classes may have such names, too. Hidden folders, those of
    runs and searches and empty ones are no classes. A folder that holds one folder of
    folders and no other stands for that one.

    Args:
        directory: The folder.

    Returns:
        The layout.

    Raises:
        DataError: There is no such folder, it has no sub-folders with files, or
            classes cannot be told from parts.

    Example:
        >>> find_layout("photos").parts
        {'train': PosixPath('photos/Train'), 'test': PosixPath('photos/Test')}
    """
    top = check_directory(directory)
    folder = _leading_on(top)
    names = filled_folders(folder)
    if not names:
        raise DataError(
            f"Expected at least two class folders below {str(top)!r}, but found none: "
            f"it has no sub-folders with files. {HOW_TO_FIX}"
        )
    found = _find_parts(folder, names)
    for path in found.values() if found else [folder]:
        _refuse_same_folders(path)
    used = {path.relative_to(folder).parts[0] for path in found.values()}
    used = used or set(names)
    left_out = tuple(name for name in class_folders(folder) if name not in used)
    # Only a test part without class folders beside it leaves training alone.
    parts = {ALL: found["train"]} if set(found) == {"train"} else found
    return Layout(top, parts or {ALL: folder}, left_out)


def part_of(name: str) -> str | None:
    """Return the part that the name of a folder says; None if none, or several.

    Args:
        name: The name.

    Example:
        >>> part_of("seg_train"), part_of("Test1"), part_of("train_val"), part_of("cat")
        ('train', 'test', 'train', None)
    """
    words = re.findall("[a-z]+", re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())
    found = {
        part
        for part, pattern in PATTERNS.items()
        if any(pattern.fullmatch(word) for word in words)
    }
    if found == {"train", "validation"} or "trainval" in words:
        # Both together, as against a test part.
        return "train"
    return found.pop() if len(found) == 1 else None


def _leading_on(folder: pathlib.Path) -> pathlib.Path:
    """Return the folder itself, or what its only folder of folders leads to."""
    names = filled_folders(folder)
    while len(names) == 1 and (below := filled_folders(folder / names[0])):
        folder, names = folder / names[0], below
    return folder


def _find_parts(folder: pathlib.Path, names: list[str]) -> dict[str, pathlib.Path]:
    """Return the folders of the parts by part; none where the folders are classes."""
    named = {
        part: [name for name in names if part_of(name) == part] for part in PART_WORDS
    }
    holding = [name for name in names if filled_folders(folder / name)]
    others = [name for name in names if part_of(name) is None]
    chosen = {
        part: _only(folder, part, [name for name in found if name in holding])
        for part, found in named.items()
        if set(found) & set(holding)
    }
    only_one = sum(map(bool, named.values())) == 1
    if not chosen:
        if not others and not only_one and all(map(_is_bare, names)):
            raise DataError(
                f"Expected class folders in the parts of {str(folder)!r}, but "
                f"{_quoted(names)} hold files but no class folders. {HOW_TO_FIX}"
            )
        return {}
    if only_one or "train" not in chosen:
        # A class called "train" with folders of its own, or a part beside others.
        if others and set(others) <= set(holding):
            return {}
        if others or named["train"]:
            raise _unclear(folder, names)
    if set(chosen) == {"train"} and (others or named["validation"]):
        raise _unclear(folder, names)
    parts = {part: _leading_on(folder / name) for part, name in chosen.items()}
    if {"train", "test"} <= set(parts):
        classes = [set(filled_folders(parts[part])) for part in ("train", "test")]
        if classes[0].isdisjoint(classes[1]):
            # Files without labels, in one folder.
            del parts["test"]
    return parts


def _only(folder: pathlib.Path, part: str, names: list[str]) -> str:
    bare = [name for name in names if name.lower() in PART_WORDS[part]]
    if len(names) > 1 and len(bare) != 1:
        raise DataError(
            f"Expected one {part} part in {str(folder)!r}, but {_quoted(names)} may "
            f"each be the {part} part. Rename or move away all but one."
        )
    return bare[0] if len(bare) == 1 else names[0]


def _is_bare(name: str) -> bool:
    word = name.lower().strip("0123456789_- ")
    return any(word in words for words in PART_WORDS.values())


def _refuse_same_folders(folder: pathlib.Path) -> None:
    names = filled_folders(folder)
    below = [filled_folders(folder / name) for name in names]
    if len(names) < 2 or len(below[0]) < 2 or any(found != below[0] for found in below):
        return
    raise DataError(
        f"Expected classes or named parts in {str(folder)!r}, but {_quoted(names)} all "
        f"hold the same folders, {_quoted(below[0])}: they are parts of a data set and "
        "not its classes, and their names do not tell which trains. Name them train/ "
        "and validation/, give one of them alone, or, if they are the classes, move "
        "the files out of the folders in them."
    )


def _unclear(folder: pathlib.Path, names: list[str]) -> DataError:
    return DataError(
        f"Expected classes or parts of a data set in {str(folder)!r}, but of "
        f"{_quoted(names)} some hold folders and others only files, so that it cannot "
        f"be told which they are. {HOW_TO_FIX}"
    )


def _quoted(names: list[str]) -> str:
    shown = [repr(name) for name in names[:NAMES_SHOWN]]
    return ", ".join(shown) + ", ..." * (len(names) > NAMES_SHOWN)
