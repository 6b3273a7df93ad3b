"""Looks at one file: can it train, what is unusual about it, what does it look like."""

import dataclasses
import hashlib
import os

import numpy as np
from PIL import Image

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.decode import Form, open_content, orientation_of
from kerasnorm.data.images.deep_gray import range_used
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.items.items import Items
from kerasnorm.data.scan.properties import ImageProperties, properties_of

KINDS = {
    "wrong_extension": "the name does not fit the format",
    "too_small": "a side is shorter than the limit",
    "cmyk": "CMYK, converted to RGB",
    "alpha": "transparency, dropped",
    "palette": "palette, converted to RGB",
    "16_bit": "16 bits a channel, brought to 8",
    "narrow_range": "less than an eighth of the range from black to white is used",
    "grayscale": "gray, repeated for the three channels",
    "animation": "several frames, the first is used",
    "exif_rotated": "turned upright as EXIF says",
}
"""What an accepted file may be, and what is done about it."""

EXTENSIONS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".mpo"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "DIB": (".bmp", ".dib"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "TIFF": (".tif", ".tiff"),
    "ICO": (".ico",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TGA": (".tga",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".j2c"),
    "PCX": (".pcx",),
    "SGI": (".sgi", ".rgb", ".rgba", ".bw"),
}

# Fraction of the levels between black and white; 12 bits of 16 are half of it.
NARROW_RANGE = 1 / 8
# An image whose gray values vary less than this says nothing by its hash.
LEAST_CONTRAST = 4
# Nor does a hash whose bits are nearly all the same: all that it says is that the
# image grows darker or brighter from side to side. Photos have 15 to 51 of 64.
LEAST_BITS = 6


@dataclasses.dataclass(frozen=True)
class FileScan:
    """What one file turned out to be.

    Args:
        path: The file.
        reason: Why it cannot train; None where it can.
        kinds: Keys of `KINDS` that it is.
        digest: SHA-256 of its bytes; None where they could not be read.
        look: 64-bit difference hash of what it shows; None where it shows nothing.
        properties: What was measured of the image; None where it was not decoded in
            full.
    """

    path: str
    reason: str | None
    kinds: tuple[str, ...] = ()
    digest: bytes | None = None
    look: int | None = None
    properties: ImageProperties | None = None


def scan_item(
    items: Items,
    position: int,
    *,
    max_pixels: int = MAX_PIXELS,
    min_side: int = 8,
    cover: tuple[int, int] | None = None,
    gray_bits: int | None = None,
) -> FileScan:
    """Decode one image in full and describe it.

    Args:
        items: The images; nothing of them is changed.
        position: Which one.
        max_pixels: Larger images are rejected before they are decoded.
        min_side: Shorter sides, in pixels, are reported as too small.
        cover: Height and width in pixels to which a JPEG may be decoded, which is
            faster; its kinds are then not to be trusted, and it is not measured.
        gray_bits: Bits that hold the gray values of a deep file which does not say so.

    Returns:
        The description.
    """
    path = items.paths[position]
    if os.path.basename(path).startswith("."):
        return FileScan(path, "hidden file")
    seen: dict = {}

    def look(file: Image.Image, content: bytes) -> None:
        # Frames are counted last, since that moves on in the file.
        if file.mode.startswith("I"):
            # Its own range: brought to 8 bits, 12 bits of 16 may look as they should.
            seen["range"] = range_used(file, content)
        seen["kinds"] = kinds_of(path, file, content, min_side)
        seen["digest"] = hashlib.sha256(content).digest()

    try:
        form = Form(max_pixels=max_pixels, gray_bits=gray_bits)
        image = open_content(path, items.read(position), cover, form, look)
    except ImageError as error:
        return FileScan(path, error.reason)
    kinds = seen["kinds"]
    if seen.get("range", range_of(image)) < NARROW_RANGE:
        kinds.append("narrow_range")
    shown = difference_hash(image)
    properties = properties_of(image) if cover is None else None
    return FileScan(path, None, tuple(kinds), seen["digest"], shown, properties)


def range_of(image: Image.Image) -> float:
    """Return which fraction of the 256 levels is between darkest and brightest."""
    darkest, brightest = zip(*image.getextrema(), strict=True)
    return (max(brightest) - min(darkest)) / 256


def kinds_of(path: str, file: Image.Image, content: bytes, min_side: int) -> list[str]:
    """Return the keys of `KINDS` that an opened file is."""
    extension = os.path.splitext(path)[1].lower()
    found = {
        "wrong_extension": extension not in EXTENSIONS.get(file.format or "", ()),
        "too_small": min(file.size) < min_side,
        "cmyk": file.mode == "CMYK",
        "alpha": "transparency" in file.info or file.mode in ("LA", "PA", "RGBA"),
        "palette": file.mode in ("P", "PA"),
        "16_bit": file.mode.startswith("I") or has_16_bits(file, content),
        "grayscale": file.mode in ("1", "L", "LA") or file.mode.startswith("I"),
        "exif_rotated": orientation_of(file) > 1,
        "animation": file.format != "MPO" and is_animated(file),
    }
    return [kind for kind, is_so in found.items() if is_so]


def is_animated(file: Image.Image) -> bool:
    """Say whether a file has more than one frame, as far as that can be read."""
    try:
        return bool(getattr(file, "is_animated", False))
    except Exception:
        # A broken second frame does not matter: the first one is good.
        return True


def has_16_bits(file: Image.Image, content: bytes) -> bool:
    """Say whether a colour file had 16 bits a channel, which Pillow hides."""
    if file.format == "PNG":
        # The depth is the ninth byte of the header chunk, which is always first.
        return len(content) > 24 and content[24] == 16
    if file.format == "TIFF":
        bits = file.tag_v2.get(258, ())  # type: ignore[attr-defined]
        return max(bits if isinstance(bits, tuple) else (bits,), default=8) > 8
    return False


def difference_hash(image: Image.Image) -> int | None:
    """Return 64 bits that hardly change when an image is scaled or re-encoded.

    Args:
        image: The decoded image.

    Returns:
        The difference hash of the ImageHash library; None for an image so plain that
        any other plain image would have the same.
    """
    import imagehash

    gray = image.convert("L").resize((64, 64), Image.Resampling.BOX)
    if np.asarray(gray).std() < LEAST_CONTRAST:
        return None
    bits = imagehash.dhash(gray).hash.ravel()
    if not LEAST_BITS <= bits.sum() <= bits.size - LEAST_BITS:
        return None
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
