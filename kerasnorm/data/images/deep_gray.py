"""Gray values of more than 8 bits, and how 8 come of them."""

import numpy as np
from PIL import Image

from kerasnorm.data.errors import ImageError

# TIFF's BitsPerSample and MaxSampleValue.
BITS_TAG, MAX_SAMPLE_TAG = 258, 281


def in_native_order(image: Image.Image) -> Image.Image:
    """Return a deep gray image in a mode that Pillow can resize: I;16, I or F."""
    if image.mode in ("I;16", "I", "F"):
        return image
    return Image.fromarray(np.asarray(image).astype(np.uint16))


def to_8_bits(
    name: str, image: Image.Image, content: bytes, gray_bits: int | None
) -> Image.Image:
    """Scale gray values of more bits to 8; Pillow alone would clip them at 255."""
    values = np.asarray(image)
    if image.mode == "F":
        raise ImageError(name, "floating-point pixels have no agreed brightness")
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(name, "32-bit pixels have no agreed brightness")
    bits = declared_bits(image, content)
    if bits is None and gray_bits is not None:
        bits = gray_bits
    elif values.max() <= 255:
        # 8 bits in a larger container: else the image would be black.
        bits = 8
    scaled = values.astype(np.uint16) >> ((bits or 16) - 8)
    return Image.fromarray(np.minimum(scaled, 255).astype(np.uint8))


def declared_bits(image: Image.Image, content: bytes) -> int | None:
    """Return how many bits of a deep gray file hold values, as far as it says so.

    Args:
        image: The opened file.
        content: Its bytes.

    Returns:
        8 to 16; None where only the size of the values is known.
    """
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        largest = tags.get(MAX_SAMPLE_TAG)
        bits = tags.get(BITS_TAG)
        declared = int(largest[0]).bit_length() if largest else bits and bits[0]
        # 16 and 32 say how values are stored, not how deep the camera was.
        is_told = declared and 8 <= declared <= 16 and (largest or declared < 16)
        return declared if is_told else None
    if image.format == "PNG":
        # The chunk stands before the pixels: its length, its name, the bits.
        header = content[: max(content.find(b"IDAT"), 0)]
        place = header.find(b"\0\0\0\x01sBIT")
        declared = header[place + 8] if place >= 0 else 0
        return declared if 8 <= declared <= 16 else None
    # JPEG 2000 and PGM say how deep they are, and Pillow brings them to 16 bits.
    return 16


def range_used(image: Image.Image, content: bytes) -> float:
    """Return which fraction of the range that a deep gray file has is between extremes.

    Args:
        image: The decoded file.
        content: Its bytes.
    """
    values = np.asarray(image)
    bits = 8 if values.max() <= 255 else declared_bits(image, content) or 16
    return (int(values.max()) - int(values.min())) / 2**bits
