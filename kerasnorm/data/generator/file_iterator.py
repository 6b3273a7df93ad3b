"""ImageDataGenerator's iterator over image files: decoding, caching, targets."""

import dataclasses
import logging
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from PIL import Image

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.generator.image_store import ImageStore
from kerasnorm.data.generator.iterator import ImageIterator
from kerasnorm.data.generator.iterator_options import (
    IteratorOptions,
    check_switches,
)
from kerasnorm.data.images.decode import open_image
from kerasnorm.data.images.decoded_images import check_image_size
from kerasnorm.data.images.gray_bits import measure_gray_bits
from kerasnorm.data.items.items import FileItems
from kerasnorm.data.store.keys import decoder_versions

LOG = logging.getLogger(__name__)
COLOR_MODES = {"rgb": ("RGB", 3), "rgba": ("RGBA", 4), "grayscale": ("L", 1)}
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "hamming": Image.Resampling.HAMMING,
    "box": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclasses.dataclass(frozen=True)
class FileFormat:
    """How a file becomes an array.

    Args:
        target_size: Height and width in pixels.
        color_mode: "rgb", "rgba" or "grayscale".
        interpolation: Name of Pillow's filter: nearest, bilinear, bicubic, hamming,
            box or lanczos.
        keep_aspect_ratio: Cut the middle out instead of distorting.
        compat: "fixed" applies the EXIF rotation and keeps every gray value in
            "grayscale", the brightness of 16 bits in "rgb" and "rgba"; "keras" does
            what Keras' `load_img` does.
        gray_bits: Bits of such a brightness in files that do not say it; None for 16.

    Raises:
        DataError: A name is unknown or a size below 1.
    """

    target_size: tuple[int, int] = (256, 256)
    color_mode: str = "rgb"
    interpolation: str = "nearest"
    keep_aspect_ratio: bool = False
    compat: str = "fixed"
    gray_bits: int | None = None

    def __post_init__(self):
        check_image_size(self.target_size, "`target_size`")
        object.__setattr__(self, "target_size", tuple(self.target_size))
        check_choice("color_mode", self.color_mode, COLOR_MODES)
        check_switches(keep_aspect_ratio=self.keep_aspect_ratio)
        check_choice("interpolation", self.interpolation, INTERPOLATIONS)

    @property
    def array_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the arrays."""
        return (*self.target_size, COLOR_MODES[self.color_mode][1])

    def decode(self, path: str) -> np.ndarray:
        """Read one file; raise ImageError if it is not an image.

        Pixel for pixel what Keras' `load_img` gives for 8 bits a channel without EXIF
        rotation. Of type uint8; in "grayscale" uint16, int32 or float32 where the file
        holds such values.
        """
        image = open_image(
            path,
            mode=COLOR_MODES[self.color_mode][0],
            depth="kept" if self.compat == "fixed" else "keras",
            upright=self.compat == "fixed",
            gray_bits=self.gray_bits,
        )
        height, width = self.target_size
        if image.size != (width, height):
            image = image.resize(
                (width, height),
                INTERPOLATIONS[self.interpolation],
                box=middle_box(image.size, width / height)
                if self.keep_aspect_ratio
                else None,
            )
        return np.asarray(image).reshape(self.array_shape)

    def described(self) -> dict[str, Any]:
        """Return all that decides the pixels of a file."""
        versions = decoder_versions(__file__)
        return dataclasses.asdict(self) | {"decoder": versions}

    def dtype_of(self, path: str) -> np.dtype:
        """Return the type of a file's array; uint8 for a file that cannot be read."""
        if self.color_mode != "grayscale":
            return np.dtype(np.uint8)
        try:
            return self.decode(path).dtype
        except ImageError:
            return np.dtype(np.uint8)


class FileIterator(ImageIterator):
    """Batches of images read from files; base of the two below.

    Args:
        filepaths: The files.
        targets: One entry for each file, or several lists of them for "multi_output".
        generator: The ImageDataGenerator.
        iterator_options: How to walk.
        file_format: How files become arrays.
        class_mode: What the targets are.
        subset: "training", "validation" or None.
    """

    shown = ("class_mode", "target_size", "color_mode", "interpolation", "subset")
    allowed_class_modes: tuple[str | None, ...] = ()
    # What counts as an image by the end of its name, as in Keras' class.
    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
    sample_weight: np.ndarray | None = None
    # Folder of the files; None where each has its own.
    directory: str | None = None

    def __init__(
        self,
        filepaths: Sequence[str],
        generator: Any,
        iterator_options: IteratorOptions,
        file_format: FileFormat,
        *,
        class_mode: str | None,
        subset: str | None,
    ):
        if not filepaths:
            raise DataError(
                "Expected image files, but none were found. Check the folder and names."
            )
        warn_of_dark_images(filepaths, file_format)
        shape = file_format.array_shape
        self._store = ImageStore(
            filepaths,
            file_format.decode,
            shape,
            file_format.dtype_of(filepaths[0]),
            cache=generator.cache,
            memory_budget=generator.memory_budget,
            root=self.directory or "",
            decoding=file_format.described(),
        )
        # Positions in `filepaths` of the files that are used, and why others are not.
        self.used = np.arange(len(filepaths))
        self.rejected: dict[str, str] = {}
        if generator.unreadable == "skip":
            self.used, self.rejected = self._store.drop_unreadable()
            report_rejected(self.rejected, len(filepaths))
        validation = subset == "validation" and generator.compat == "fixed"
        super().__init__(
            generator,
            len(self.used),
            iterator_options,
            channels=shape[2],
            augment=not validation,
        )
        self.samples = self.n
        self.subset = subset
        self.class_mode = class_mode
        self.color_mode = file_format.color_mode
        self.target_size = file_format.target_size
        self.interpolation = file_format.interpolation
        self.keep_aspect_ratio = file_format.keep_aspect_ratio
        self.image_shape = (
            shape if self.data_format == "channels_last" else (shape[2], *shape[:2])
        )
        self.filepaths = self._store.paths

    def read(self, samples: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return images; raise DataError for a file that cannot be read."""
        return self._store.read(samples, threads)

    def value_range(self, images: np.ndarray) -> tuple[float, float]:
        """Lowest and highest value a pixel can have, told from the type of the file."""
        if images.dtype.kind == "u":
            return 0.0, float(np.iinfo(images.dtype).max)
        return 0.0, math.inf

    def class_targets(self, images: np.ndarray, samples: np.ndarray) -> Any:
        """Return the targets of the class modes that both kinds of files know."""
        if self.class_mode == "input":
            return images.copy()
        labels = [self.labels[sample] for sample in samples]
        if self.class_mode in ("binary", "sparse"):
            return np.array(labels, dtype=self.dtype)
        targets = np.zeros((len(samples), len(self.class_indices)), dtype=self.dtype)
        for row, label in enumerate(labels):
            # A list of labels sets several.
            targets[row, label] = 1
        return targets


def warn_of_dark_images(paths: Sequence[str], file_format: FileFormat) -> None:
    """Warn where the gray values of deep files fill a small part of their range.

    The depth is not chosen here: iterators over training and over validation files
    could take different ones.
    """
    if (
        file_format.color_mode == "grayscale"
        or file_format.compat == "keras"
        or file_format.gray_bits is not None
    ):
        return
    bits = measure_gray_bits((FileItems(paths), paths))
    if bits is not None and 8 < bits < 16:
        LOG.warning(
            "Gray values of 16-bit files fill only %d bits and become dark images of "
            "%d gray levels; give ImageDataGenerator(gray_bits=%d) for training and "
            "validation alike.",
            bits,
            2 ** (bits - 8),
            bits,
        )


def report_rejected(rejected: dict[str, str], count: int) -> None:
    """Warn of files that are left out."""
    if rejected:
        path, reason = next(iter(rejected.items()))
        LOG.warning(
            "%d of %d files cannot be read and are left out; the first is %r: %s.",
            len(rejected),
            count,
            path,
            reason,
        )


def image_endings(formats: tuple[str, ...], compat: str) -> tuple[str, ...]:
    """Return the endings of image files: `white_list_formats`, and WebP if "fixed"."""
    return formats if compat == "keras" else (*formats, "webp")


def check_class_names(classes: Any) -> None:
    """Raise DataError unless `classes` is None or names without repetition."""
    if classes is None:
        return
    is_list = isinstance(classes, Collection) and not isinstance(classes, str)
    if not is_list or len(set(classes)) < len(classes):
        raise DataError(
            "Expected `classes` to be a list of different names. Received: "
            f"{classes!r}."
        )


def middle_box(size: tuple[int, int], ratio: float) -> tuple[int, int, int, int]:
    """Return the largest box (left, top, right, bottom) of a ratio in the middle."""
    width, height = size
    box_width = min(width, int(height * ratio))
    box_height = min(height, int(width / ratio))
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise DataError unless a value is among the known ones."""
    if value not in choices:
        known = ", ".join(repr(choice) for choice in choices)
        raise DataError(f"Expected `{name}` to be one of {known}. Received: {value!r}.")
