"""The one rule by which a file becomes an image: upright, 8-bit RGB, fully read."""

import contextlib
import io
import os
import stat
import threading
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image, UnidentifiedImageError

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.deep_gray import in_native_order, to_8_bits

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

MAX_PIXELS = 89_478_485
"""Pixels above which a file counts as a decompression bomb: a quarter gigabyte as RGB,
the number at which Pillow begins to warn."""

# Formats that need a quarter of a second for a million pixels.
MAX_SLOW_PIXELS = {"JPEG2000": 2**25, "AVIF": 2**25}

# Decoded side by side, large images could fill the memory.
LARGE_PIXELS = 2**24
LARGE = threading.Lock()

MAX_BYTES = 512 * 2**20
"""Bytes above which a file is not even read."""

# A progressive JPEG may revisit every pixel as often as it likes; ten revisits of the
# largest image take a few seconds, an honest file has about ten scans.
MAX_SCANNED_PIXELS = 10 * MAX_PIXELS

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
    image = open_image(path, image_size, max_pixels=max_pixels, gray_bits=gray_bits)
    if image_size is not None:
        height, width = image_size
        image = image.resize((width, height), BILINEAR)
    return np.asarray(image)


def open_image(
    path: str | os.PathLike,
    cover: tuple[int, int] | None = None,
    *,
    mode: str = "RGB",
    depth: str = "scaled",
    upright: bool = True,
    max_pixels: int = MAX_PIXELS,
    gray_bits: int | None = None,
    look: Callable[[Image.Image, bytes], None] | None = None,
) -> Image.Image:
    """Read one file as an upright Pillow image, of 8 bits a channel unless kept deeper.

    Args:
        path: The file.
        cover: Height and width in pixels that the result must at least have where the
            file has them; a JPEG may then be decoded at a smaller scale.
        mode: "RGB", "L" (gray) or "RGBA".
        depth: What becomes of gray values of more than 8 bits. "scaled": brought to 8
            bits, keeping the brightness. "kept": in mode "L" they stay as they are, as
            class ids in a mask must. "keras": what Keras' `load_img` does, which keeps
            some of them and clips others at 255.
        upright: Whether to apply the EXIF rotation.
        max_pixels: Larger images are rejected before they are decoded.
        gray_bits: What `decode_image` takes.
        look: Called with Pillow's own image of the file, after it has been decoded,
            and with the bytes of the file.

    Returns:
        The decoded image.

    Raises:
        ImageError: The file cannot become an image.
    """
    name = os.fspath(path)
    content = read_file(name)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as file:
            check_size(name, file, content, max_pixels)
            if cover is not None and file.format == "JPEG":
                # Orientations 5 to 8 turn the decoded image by 90 degrees.
                turned = upright and orientation_of(file) >= 5
                height, width = cover[::-1] if turned else cover
                file.draft(file.mode, (width, height))
            with turn_of(file):
                file.load()
                # Only now: Pillow turns TIFF files by itself while it loads them.
                orientation = orientation_of(file) if upright else 1
                image = convert(name, file, content, mode, depth, gray_bits)
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


def read_file(name: str) -> bytes:
    """Read a regular file of at most `MAX_BYTES` bytes, or raise ImageError."""
    try:
        status = os.stat(name)
        if not stat.S_ISREG(status.st_mode):
            # Opening a named pipe would wait for ever.
            raise ImageError(name, "not a regular file")
        if status.st_size > MAX_BYTES:
            raise ImageError(
                name, f"{status.st_size:,} bytes are more than {MAX_BYTES:,}"
            )
        with open(name, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ImageError(name, error.strerror or str(error)) from error
    if not content:
        raise ImageError(name, "the file is empty")
    return content


def check_size(name: str, image: Image.Image, content: bytes, max_pixels: int) -> None:
    """Raise ImageError for an image that would be too large to decode."""
    width, height = image.size
    max_pixels = min(max_pixels, MAX_SLOW_PIXELS.get(image.format or "", max_pixels))
    if width * height > max_pixels:
        raise ImageError(
            name,
            f"decompression bomb: {width}x{height} pixels are more than {max_pixels:,}",
        )
    if image.format == "JPEG":
        scans = content.count(b"\xff\xda")
        if scans * width * height > MAX_SCANNED_PIXELS:
            raise ImageError(
                name, f"decompression bomb: {scans} scans of {width}x{height} pixels"
            )


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


def convert(
    name: str,
    image: Image.Image,
    content: bytes,
    mode: str,
    depth: str,
    gray_bits: int | None,
) -> Image.Image:
    """Convert any mode of Pillow to one of `open_image`'s modes and depths."""
    if image.mode == mode:
        return image
    if image.mode == "P" and "transparency" in image.info:
        # The same colours as without the detour, without Pillow's warning.
        image = image.convert("RGBA")
    if depth == "keras":
        is_kept = mode == "L" and image.mode in ("I;16", "I")
        return image if is_kept else image.convert(mode)
    if image.mode.startswith("I") or image.mode == "F":
        if depth == "kept" and mode == "L":
            return in_native_order(image)
        image = to_8_bits(name, image, content, gray_bits)
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
