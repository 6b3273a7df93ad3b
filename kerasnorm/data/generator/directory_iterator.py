"""ImageDataGenerator's iterator over class folders."""

import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator.array_iterator import check_subset
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
from kerasnorm.data.sources.folders import check_directory, class_folders, walk_files

LOG = logging.getLogger(__name__)


class DirectoryIterator(FileIterator):
    """Batches of images from class folders.

    Class folders, their numbers, the order of the files and the split are those of
    Keras' class, except that hidden folders (`.ipynb_checkpoints`) are no classes. With
    `compat="keras"` they are.

    Args:
        directory: Folder with a sub-folder for each class.
        generator: The ImageDataGenerator.
        iterator_options: How to walk.
        file_format: How files become arrays.
        classes: Names of the sub-folders in the order of their numbers; default: all,
            sorted. "." stands for the folder itself.
        class_mode: "categorical", "binary", "sparse", "input" or None.
        subset: "training" or "validation": a part of each class, as the generator's
            `validation_split` says; None is all of it.
        follow_links: Whether to enter folders that are symbolic links.

    Raises:
        DataError: The folder or one of `classes` is missing, no image is found, or an
            option is unknown.
    """

    allowed_class_modes = ("categorical", "binary", "sparse", "input", None)

    def __init__(
        self,
        directory: str | os.PathLike,
        generator: Any,
        iterator_options: IteratorOptions,
        file_format: FileFormat,
        *,
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        subset: str | None = None,
        follow_links: bool = False,
    ):
        check_choice("class_mode", class_mode, self.allowed_class_modes)
        check_class_names(classes)
        check_switches(follow_links=follow_links)
        folder = check_directory(directory)
        directory = os.path.expanduser(directory)
        fixed = generator.compat == "fixed"
        endings = image_endings(self.white_list_formats, generator.compat)
        found_classes = class_folders(folder, everything=not fixed)
        if not classes:
            classes = found_classes
        elif fixed:
            check_classes(classes, folder, found_classes)
        self.directory = directory
        self.class_indices = {name: number for number, name in enumerate(classes)}
        self.num_classes = len(self.class_indices)
        if class_mode == "binary" and self.num_classes > 2 and fixed:
            raise DataError(
                "Expected two classes for `class_mode='binary'`. Received: "
                f"{self.num_classes} in {str(directory)!r}. Use 'categorical'."
            )
        self.split = None
        if subset is not None:
            check_subset(subset, generator)
            border = generator.validation_split
            self.split = (0, border) if subset == "validation" else (border, 1)
        paths: list[str] = []
        labels: list[int] = []
        for name, number in self.class_indices.items():
            found = class_files(os.path.join(directory, name), endings, follow_links)
            if self.split is not None:
                first, last = (int(len(found) * fraction) for fraction in self.split)
                found = found[first:last]
            if not found and fixed:
                LOG.warning(
                    "Class %r has no images in %r. Names must end in %s.",
                    name,
                    str(directory),
                    ", ".join(endings),
                )
            paths += found
            labels += [number] * len(found)
        super().__init__(
            paths,
            generator,
            iterator_options,
            file_format,
            class_mode=class_mode,
            subset=subset,
        )
        print(f"Found {self.n} images belonging to {self.num_classes} classes.")
        self.classes = np.array(labels, dtype=np.int32)[self.used]
        above = os.path.join(directory, "")
        self.filenames = [path.removeprefix(above) for path in self.filepaths]

    @property
    def labels(self) -> np.ndarray:
        """Class number of every file."""
        return self.classes

    def with_targets(self, images: np.ndarray, samples: np.ndarray):
        """Return images with the targets of the class mode."""
        if self.class_mode is None:
            return images
        return images, self.class_targets(images, samples)


def check_classes(
    classes: Sequence[str], folder: pathlib.Path, found: Sequence[str]
) -> None:
    """Raise DataError for a class that no folder has."""
    for name in classes:
        if not os.path.isdir(os.path.join(folder, name)):
            raise DataError(
                f"Expected `classes` that are folders in {str(folder)!r}. Received: "
                f"{name!r}; known are {', '.join(map(repr, found)) or 'none'}. Correct "
                "the name."
            )


def class_files(
    directory: str, endings: tuple[str, ...], follow_links: bool
) -> list[str]:
    """Return the image files below a class folder in the order of Keras' class."""
    if not os.path.isdir(directory):
        # A class that was asked for and has no images in this part of the data.
        return []
    return [
        path
        for path in walk_files(directory, everything=True, follow_links=follow_links)
        if path.lower().endswith(endings)
    ]
