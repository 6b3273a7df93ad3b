"""Files that are too large to be read or decoded, and reading the others."""

import os
import stat

from PIL import Image

from kerasnorm.data.errors import ImageError

MAX_BYTES = 512 * 2**20
"""Bytes above which a file is not even read."""

MAX_PIXELS = 89_478_485
"""Pixels above which a file counts as a decompression bomb: a quarter gigabyte as RGB,
the number at which Pillow begins to warn."""

# Formats that need a quarter of a second for a million pixels.
MAX_SLOW_PIXELS = {"JPEG2000": 2**25, "AVIF": 2**25}

# A progressive JPEG may revisit every pixel as often as it likes; ten revisits of the
# largest image take a few seconds, an honest file has about ten scans.
MAX_SCANNED_PIXELS = 10 * MAX_PIXELS


def read_file(name: str) -> bytes:
    """Return the bytes of a regular file of at most `MAX_BYTES`.

    Args:
        name: The file.

    Raises:
        ImageError: It is missing, empty, too large or not a regular file.
    """
    try:
        check_regular(name)
        with open(name, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ImageError(name, error.strerror or str(error)) from error
    check_bytes(name, content)
    return content


def check_regular(name: str) -> None:
    """Raise ImageError for what is not a file of images, OSError for what is missing.

    Args:
        name: The file.
    """
    status = os.stat(name)
    if not stat.S_ISREG(status.st_mode):
        # Opening a named pipe would wait for ever.
        raise ImageError(name, "not a regular file")
    check_length(name, status.st_size)


def check_length(name: str, length: int) -> None:
    """Raise ImageError for so many bytes that they are not even read.

    Args:
        name: What messages call the image.
        length: Its bytes.
    """
    if length > MAX_BYTES:
        raise ImageError(name, f"{length:,} bytes are more than {MAX_BYTES:,}")


def check_bytes(name: str, content: bytes) -> None:
    """Raise ImageError where there is nothing to decode.

    Args:
        name: What messages call the image.
        content: Its bytes.
    """
    if not content:
        raise ImageError(name, "the file is empty")


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
