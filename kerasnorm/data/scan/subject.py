"""What a scan looks at: every file below a folder, or the images of another source."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

from kerasnorm.data.errors import DataError
from kerasnorm.data.items.items import FileItems, Items
from kerasnorm.data.sources.folders import check_directory, walk_files
from kerasnorm.data.sources.layout import ALL, find_layout
from kerasnorm.data.sources.listing import Listing
from kerasnorm.data.sources.source import find_source, is_folder

# Split and class of an image, "" for none.
Place = tuple[str, str]


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """Images to look at.

    Args:
        name: What the user calls them.
        root: Folder by which their looks are kept.
        items: The images.
        names: What identifies each.
        note: What was taken for parts and classes, in one line.
        place_of: Split and class of an image by its position.
        ignored: What cannot be looked at, with the reason.
    """

    name: str
    root: str
    items: Items
    names: Sequence[str]
    note: str
    place_of: Callable[[int], Place]
    ignored: tuple[tuple[str, str], ...] = ()


def find_subject(spec: str | os.PathLike) -> Subject:
    """List what a scan of a source looks at.

    Args:
        spec: A folder, whose every file is looked at, or what else `open_source` takes.

    Raises:
        DataError: There is nothing.
    """
    return _of_folder(spec) if is_folder(spec) else _of_source(find_source(spec))


def _of_folder(directory: str | os.PathLike) -> Subject:
    folder = check_directory(directory)
    items = FileItems(walk_files(folder))
    parts, note = _parts_of(folder)
    return Subject(
        str(folder),
        str(folder),
        items,
        [os.path.relpath(path, folder).replace(os.sep, "/") for path in items.paths],
        note,
        lambda position: _place_of(parts, items.paths[position]),
    )


def _of_source(listing: Listing) -> Subject:
    layout = listing.layout
    parts = {part: listing.index_of(part) for part in layout.parts}
    first, *others = (index.items for index in parts.values())
    places = [
        ("" if part == ALL else part, index.class_names[label])
        for part, index in parts.items()
        for label in index.labels
    ]
    uses = {part: f"{len(index):,} {part} images" for part, index in parts.items()}
    if ALL in uses:
        uses = {ALL: f"{len(places):,} images without splits"}
    items = first.joined(others)
    return Subject(
        layout.name or str(layout.directory),
        str(layout.directory),
        items,
        items.names(str(layout.directory)),
        layout.describe(**uses),
        places.__getitem__,
        tuple(left_out for index in parts.values() for left_out in index.ignored),
    )


def _parts_of(folder: pathlib.Path) -> tuple[dict[str, pathlib.Path], str]:
    """Return the folders of class folders by split, and in one line what they are."""
    try:
        layout = find_layout(folder)
    except DataError as error:
        # A scan looks at any folder, also at one that cannot train.
        return {}, f"no classes: {error}"
    if layout.has_parts:
        uses = {part: f"{part} images" for part in layout.parts}
        return layout.parts, layout.describe(**uses)
    return {"": layout.parts[ALL]}, layout.describe(all="classes without splits")


def _place_of(parts: dict[str, pathlib.Path], path: str) -> Place:
    """Return the split and the class that a file's folders name, "" for none."""
    file = pathlib.PurePath(path)
    for part, folder in parts.items():
        if file.is_relative_to(folder):
            below = file.relative_to(folder).parts[:-1]
            return part, below[0] if below else ""
    return "", ""
