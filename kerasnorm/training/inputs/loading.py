"""Settings to decoded images: find, divide, decode, and check that they suffice."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

from kerasnorm.data.images import load_images as image_loading
from kerasnorm.data.sources.split_table import SplitTable
from kerasnorm.training.inputs.run_files import find_run_files, for_study
from kerasnorm.training.settings import Settings


@dataclasses.dataclass(frozen=True)
class Data:
    """Decoded images of one run and the files that were left out.

    Args:
        train: Images to learn from.
        validation: Images to judge by.
        rejected: Path and reason of every file that could not be used.
        test: Images for the last evaluation, None where there are none.
        split: What `split.csv` says of the files.
        notes: What was taken for what and what has changed, one line each.
        root: Folder that holds all files; "" where they have none in common.
        gray_bits: Bits that hold gray values in files which do not say so.
    """

    train: Any
    validation: Any
    rejected: list[tuple[str, str]]
    test: Any = None
    split: SplitTable | None = None
    notes: list[str] = dataclasses.field(default_factory=list)
    root: str = ""
    gray_bits: int | None = None

    def name_of(self, path: str) -> str:
        """Return the path of a file as seen from the folder of all.

        Args:
            path: One of the paths of the images.
        """
        return os.path.relpath(path, self.root) if self.root else path


def load_data(
    settings: Settings, load_images: Callable[..., Any] | None = None
) -> Data:
    """Find, divide and decode the images.

    Args:
        settings: Data, image size, split and seed.
        load_images: What decodes an index of files to images of a height and a
            width; `kerasnorm.data.load_images` by default.

    Raises:
        ValueError: If there are too few good images, or not those that a resumed run
            began with.
    """
    files = find_run_files(settings)
    size = (settings.image_size, settings.image_size)
    load_images = load_images or image_loading.load_images
    train = load_images(for_study(settings, files.parts["train"]), size)
    validation, test = (
        load_images(files.parts[part], size) if part in files.parts else None
        for part in ("validation", "test")
    )
    if settings.batch_size > len(train):
        raise ValueError(
            f"expected at least one batch of {settings.batch_size} training images, "
            f"received {len(train)} in {settings.data}; give a smaller --batch-size "
            "or more images"
        )
    rejected = [
        (str(path), reason)
        for images in (train, validation, test)
        if images is not None
        for path, reason in images.rejected
    ]
    index = files.parts["train"]
    return Data(
        train,
        validation,
        rejected,
        test,
        files.table,
        files.notes,
        index.root,
        index.gray_bits,
    )
