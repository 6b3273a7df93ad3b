"""Class folders to an immutable table of files and labels."""

import dataclasses
import functools
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decode import decode_content
from kerasnorm.data.images.gray_bits import measure_gray_bits
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.items.items import FileItems, Items
from kerasnorm.data.sources.folders import class_folders, filled_folders, walk_files
from kerasnorm.data.sources.layout import ALL, find_layout


@dataclasses.dataclass(frozen=True, eq=False)
class ImageIndex:
    """Table of images with their classes.

    Args:
        paths: Path of every file, or the place of the image in a shard; kept in a
            compact sequence.
        labels: Class index of every image, int64, (images,).
        class_names: Names of the classes; a label is a position in it.
        ignored: Files that were seen and left out, each with the reason.
        root: Folder that `names` are relative to; "" where the paths are names enough.
        gray_bits: Bits that hold the gray values of deep files that do not say so; None
            where they are not known.
        items: Where the bytes of the images are read; None where each is a file.
        sample_weights: How much each image counts in training, float32, (images,);
            None where all count alike.
    """

    paths: Sequence[str]
    labels: np.ndarray
    class_names: tuple[str, ...]
    ignored: tuple[tuple[str, str], ...] = ()
    root: str = ""
    gray_bits: int | None = None
    items: Items = None  # type: ignore[assignment]
    sample_weights: np.ndarray | None = None

    def __post_init__(self):
        labels = np.array(self.labels, dtype=np.int64)
        if labels.shape != (len(self.paths),):
            raise ValueError(
                "Expected `labels` to hold one class index per path, "
                f"({len(self.paths)},). "
                f"Received: shape {labels.shape}."
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < len(
            self.class_names
        ):
            raise ValueError(
                f"Expected `labels` to be in 0 to {len(self.class_names) - 1}, the "
                "positions "
                f"in `class_names`. Received: {labels.min()} to {labels.max()}."
            )
        labels.flags.writeable = False
        items = FileItems(self.paths) if self.items is None else self.items
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "paths", items.paths)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "class_names", tuple(self.class_names))
        object.__setattr__(self, "ignored", tuple(self.ignored))

    def __len__(self) -> int:
        return len(self.items)

    @functools.cached_property
    def names(self) -> Sequence[str]:
        """What identifies each image: of files the paths below `root`, with slashes."""
        return self.items.names(self.root)

    def decode(
        self,
        position: int,
        image_size: tuple[int, int] | None = None,
        *,
        max_pixels: int = MAX_PIXELS,
    ) -> np.ndarray:
        """Decode one image by the rule of `decode_image`.

        Args:
            position: Which one.
            image_size: Height and width in pixels to resize to; None keeps its size.
            max_pixels: Larger images are rejected before they are decoded.

        Returns:
            Array of uint8, (height, width, 3).

        Raises:
            ImageError: It cannot be read or is no image that can be used.
        """
        return decode_content(
            self.paths[position],
            self.items.read(position),
            image_size,
            max_pixels=max_pixels,
            gray_bits=self.gray_bits,
        )

    def take(self, positions) -> "ImageIndex":
        """Return the table of the images at these positions, in their order.

        Args:
            positions: Integers in 0 to len - 1.

        Returns:
            The smaller table, with the same class names.
        """
        positions = np.asarray(positions, dtype=np.int64)
        items = self.items.take(positions)
        return ImageIndex(
            items.paths,
            self.labels[positions],
            self.class_names,
            root=self.root,
            gray_bits=self.gray_bits,
            items=items,
            sample_weights=None
            if self.sample_weights is None
            else self.sample_weights[positions],
        )


def index_directory(directory: str | os.PathLike) -> ImageIndex:
    """List the files below the class folders of a directory.

    Classes are the sub-folders in alphabetical order, as ImageDataGenerator and
    image_dataset_from_directory number them; files are found at any depth below.
    Whether a file is an image is decided later, by decoding it. Hidden folders, those
    of runs and empty ones are left out; hidden files (`.DS_Store`, `._cat.jpg`) are
    listed as ignored.

    Args:
        directory: Folder with one sub-folder for each class.

    Returns:
        The table of all files, ordered by class and path.

    Raises:
        DataError: The folder is missing or not a folder, has fewer than two class
            folders with files, or is divided into training and validation.
    """
    layout = find_layout(directory)
    if layout.has_parts:
        names = ", ".join(f"{layout.name_of(part)}/" for part in layout.parts)
        raise DataError(
            f"Expected one folder of class folders, but {str(directory)!r} holds "
            "parts: "
            f"{names}. Give one of these."
        )
    index = index_classes(layout.parts[ALL], layout.directory)
    return with_gray_bits({ALL: index})[ALL]


def with_gray_bits(
    parts: Mapping[str, ImageIndex], known: int | None = None
) -> dict[str, ImageIndex]:
    """Return the parts of a data set, to be brought to 8 bits all in the same way.

    Args:
        parts: Files by part.
        known: The bits, where they have been measured before.
    """
    bits = known or measure_gray_bits(
        *((index.items, index.names) for index in parts.values())
    )
    return {
        part: dataclasses.replace(index, gray_bits=bits)
        for part, index in parts.items()
    }


def index_classes(directory: str | os.PathLike, root: str | os.PathLike) -> ImageIndex:
    """List the files below class folders that a layout has found.

    Args:
        directory: A part of a layout.
        root: The data folder that the part belongs to.

    Returns:
        The table of all files, ordered by class and path.

    Raises:
        DataError: There are fewer than two class folders with files.
    """
    class_names = filled_folders(directory)
    if len(class_names) < 2:
        empty = [name for name in class_folders(directory) if name not in class_names]
        found = f"only {class_names[0]!r}" if class_names else "none"
        found += "".join(f"; {name!r} has no files" for name in empty)
        raise DataError(
            f"Expected at least two class folders below {str(directory)!r}, but found "
            f"{found}. Put the images of each class into a folder named after it."
        )
    counts: list[int] = []
    ignored: list[tuple[str, str]] = []
    items = FileItems(_files_below(directory, class_names, counts, ignored))
    return ImageIndex(
        items.paths,
        np.repeat(np.arange(len(counts)), counts),
        tuple(class_names),
        tuple(ignored),
        os.fspath(root),
        items=items,
    )


def _files_below(
    directory: str | os.PathLike,
    class_names: Sequence[str],
    counts: list[int],
    ignored: list[tuple[str, str]],
) -> Iterator[str]:
    """Yield the files of all classes; note how many each has, and hidden ones."""
    for name in class_names:
        counts.append(0)
        for path in walk_files(os.path.join(directory, name)):
            if os.path.basename(path).startswith("."):
                ignored.append((path, "hidden file"))
            else:
                counts[-1] += 1
                yield path
