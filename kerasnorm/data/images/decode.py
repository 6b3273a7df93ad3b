"""The one rule by which a file becomes an image: upright, 8-bit RGB, fully read."""

import contextlib
import dataclasses
import io
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.deep_gray import in_native_order, to_8_bits
from kerasnorm.data.images.limits import (
    MAX_PIXELS,
    check_bytes,
    check_size,
    read_file,
)

# Loaded here once: Pillow's own loading on demand is not safe between threads.
Image.init()

# Formats that decode by themselves, as far as this Pillow was built with them. EPS is
# left out on purpose: Pillow would start Ghostscript on a file a stranger sent.
FORMATS = tuple(
    name
    for name in (
        "JPEG", "MPO", "PNG", "GIF", "BMP", "DIB", "WEBP", "AVIF", "TIFF", "ICO",
        "PPM", "TGA", "JPEG2000", "PCX", "SGI",
    )
    if name in Image.OPEN
)  # fmt: skip

# Decoded side by side, large images could fill the memory.
LARGE_PIXELS = 2**24
LARGE = threading.Lock()

ORIENTATION_TAG = 0x0112
# What turns an image of each EXIF orientation upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

BILINEAR = Image.Resampling.BILINEAR


def decode_image(
    path: str | os.PathLike,
    image_size: tuple[int, int] | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    gray_bits: int | None = None,
) -> np.ndarray:
    """Read one file as the image that trains, validates and predicts.

    Every part of the library reads images through this function, so that an image
    cannot look different in training and in prediction. EXIF rotation is applied;
    CMYK, palette, grayscale, Lab and 16-bit images are converted to 8-bit RGB; an
    alpha channel is dropped, as Pillow does; of an animation the first frame counts.
    Gray values of more than 8 bits are scaled from the bits the file declares (a TIFF's
    bits or largest value, a PNG's significant bits), else from `gray_bits`.

    Args:
        path: The file. Its content decides what it is, its name does not.
        image_size: Height and width in pixels to resize to, antialiased and without
            keeping the aspect ratio; None keeps the size of the file. JPEG files are
            decoded at the smallest scale that still covers it.
        max_pixels: Larger images are rejected before they are decoded.
        gray_bits: Bits that hold the gray values of files which say nothing of it, 8 to
            16; None for all 16, or 8 in a file with no value above 255.

    Returns:
        Array of uint8, (height, width, 3).

    Raises:
        ImageError: The file is missing, empty, truncated, malformed, too large, or
            not an image.
    """
    name = os.fspath(path)
    return decode_content(
        name, read_file(name), image_size, max_pixels=max_pixels, gray_bits=gray_bits
    )


def decode_content(
    name: str,
    content: bytes,
    image_size: tuple[int, int] | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    gray_bits: int | None = None,
) -> np.ndarray:
    """Decode the bytes of an image by the rule of `decode_image`.

    Args:
        name: What messages call the image.
        content: Its bytes.
        image_size: What `decode_image` takes, as are the others.
        max_pixels: Larger images are rejected before they are decoded.
        gray_bits: Bits that hold the gray values of files which say nothing of it.

    Returns:
        Array of uint8, (height, width, 3).

    Raises:
        ImageError: The bytes are no image that can be used.
    """
    form = Form(max_pixels=max_pixels, gray_bits=gray_bits)
    image = open_content(name, content, image_size, form)
    if image_size is not None:
        height, width = image_size
        image = image.resize((width, height), BILINEAR)
    return np.asarray(image)


@dataclasses.dataclass(frozen=True)
class Form:
    """What an image is to be brought to.

    Args:
        mode: "RGB", "L" (gray) or "RGBA".
        depth: What becomes of gray values of more than 8 bits. "scaled": brought to 8
            bits, keeping the brightness. "kept": in mode "L" they stay as they are, as
            class ids in a mask must. "keras": what Keras' `load_img` does, which keeps
            some of them and clips others at 255.
        upright: Whether to apply the EXIF rotation.
        max_pixels: Larger images are rejected before they are decoded.
        gray_bits: What `decode_image` takes.
    """

    mode: str = "RGB"
    depth: str = "scaled"
    upright: bool = True
    max_pixels: int = MAX_PIXELS
    gray_bits: int | None = None


def open_image(
    path: str | os.PathLike, cover: tuple[int, int] | None = None, **form: Any
) -> Image.Image:
    """Read one file as an upright Pillow image, of 8 bits a channel unless kept deeper.

    Args:
        path: The file.
        cover: What `open_content` takes.
        **form: Arguments of `Form`.

    Returns:
        The decoded image.

    Raises:
        ImageError: The file cannot become an image.
    """
    name = os.fspath(path)
    return open_content(name, read_file(name), cover, Form(**form))


def open_content(
    name: str,
    content: bytes,
    cover: tuple[int, int] | None = None,
    form: Form | None = None,
    look: Callable[[Image.Image, bytes], None] | None = None,
) -> Image.Image:
    """Decode bytes as an upright Pillow image, of 8 bits a channel unless kept deeper.

    Args:
        name: What messages call the image.
        content: Its bytes.
        cover: Height and width in pixels that the result must at least have where the
            file has them; a JPEG may then be decoded at a smaller scale.
        form: What it is to be brought to.
        look: Called with Pillow's own image of the file, after it has been decoded,
            and with its bytes.

    Returns:
        The decoded image.

    Raises:
        ImageError: The bytes cannot become an image.
    """
    form = form or Form()
    check_bytes(name, content)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as file:
            check_size(name, file, content, form.max_pixels)
            if cover is not None and file.format == "JPEG":
                # Orientations 5 to 8 turn the decoded image by 90 degrees.
                turned = form.upright and orientation_of(file) >= 5
                height, width = cover[::-1] if turned else cover
                file.draft(file.mode, (width, height))
            with turn_of(file):
                file.load()
                # Only now: Pillow turns TIFF files by itself while it loads them.
                orientation = orientation_of(file) if form.upright else 1
                image = convert(name, file, content, form)
                if orientation > 1:
                    image = image.transpose(UPRIGHT[orientation])
            if look is not None:
                look(file, content)
            return image
    except ImageError:
        raise
    except MemoryError:
        raise ImageError(name, "not enough memory to decode it") from None
    except Exception as error:
        # Pillow's decoders raise whatever their parsing stumbles on (OSError,
        # SyntaxError, struct.error, KeyError ...): all mean the same to the caller.
        raise ImageError(name, reason_of(error)) from error


def turn_of(image: Image.Image) -> contextlib.AbstractContextManager:
    """Return what to wait for before decoding: large images go one at a time."""
    width, height = image.size
    return LARGE if width * height > LARGE_PIXELS else contextlib.nullcontext()


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 (upright) where there is none to read."""
    if image.format == "JPEG" and not {"exif", "xmp"} & image.info.keys():
        # Most photos on the web; looking for it would take as long as opening them.
        return 1
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:
        # A broken EXIF block says nothing about the pixels.
        return 1
    return orientation if orientation in UPRIGHT else 1


def convert(name: str, image: Image.Image, content: bytes, form: Form) -> Image.Image:
    """Convert any mode of Pillow to one of the modes and depths of a form."""
    mode = form.mode
    if image.mode == mode:
        return image
    if image.mode == "P" and "transparency" in image.info:
        # The same colours as without the detour, without Pillow's warning.
        image = image.convert("RGBA")
    if form.depth == "keras":
        is_kept = mode == "L" and image.mode in ("I;16", "I")
        return image if is_kept else image.convert(mode)
    if image.mode.startswith("I") or image.mode == "F":
        if form.depth == "kept" and mode == "L":
            return in_native_order(image)
        image = to_8_bits(name, image, content, form.gray_bits)
    elif image.mode == "LAB":
        # The only mode Pillow converts to gray by way of another.
        image = image.convert("RGB")
    return image.convert(mode)


def reason_of(error: Exception) -> str:
    """Put an exception of Pillow into a few words."""
    if isinstance(error, UnidentifiedImageError):
        return "not an image in a known format"
    if isinstance(error, Image.DecompressionBombError):
        return "decompression bomb: too many pixels"
    if "truncated" in str(error).lower():
        return "truncated: the file ends before the image does"
    return f"cannot be decoded ({str(error) or type(error).__name__})"


class QuietPillow(warnings.catch_warnings):
    """Silence Pillow's warnings about odd but readable files.

    Enter it once in the main thread around a parallel pass: what those warnings say
    is reported by the scanner, and the warning filters are not safe to change from
    several threads.
    """

    def __enter__(self):
        result = super().__enter__()
        warnings.filterwarnings("ignore", module=r"PIL\.")
        return result
