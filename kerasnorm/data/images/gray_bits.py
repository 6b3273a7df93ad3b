"""How many bits hold the gray values of a data set whose files do not say so."""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from PIL import Image

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.decode import QuietPillow, open_content
from kerasnorm.data.images.deep_gray import declared_bits
from kerasnorm.data.items.items import Items

# How a PNG and a TIFF begin; other formats say how deep they are.
SIGNATURES = (b"\x89PNG", b"II*\0", b"MM\0*")
HEADER_BYTES = 26
# Depths of cameras and scanners: files of one origin agree on one of them, however
# bright the brightest happens to be.
DEPTHS = (8, 10, 12, 14, 16)
# As many files say how deep the others are, found among so many.
MEASURED_FILES, OPENED_FILES = 256, 20_000


def measure_gray_bits(*sources: tuple[Items, Sequence[str]]) -> int | None:
    """Find out how many bits hold the gray values of files that do not say so.

    12 bits of a camera lie in 16 of a PNG, and a single dark image does not show it:
    all images of a data set have to be brought to 8 bits in the same way.

    Args:
        *sources: Images and what identifies them, whose hashes choose those to read.

    Returns:
        The least of `DEPTHS` that holds the largest value; None where there is no
        such file.
    """
    with QuietPillow():
        largest = list(_largest_values(_chosen(sources)))
    if not largest:
        return None
    bits = min(max(largest), 65535).bit_length()
    return next(depth for depth in DEPTHS if depth >= bits)


def _chosen(
    sources: Sequence[tuple[Items, Sequence[str]]],
) -> Iterator[tuple[Items, int]]:
    """Yield images in an order that does not depend on where files came from."""
    keys = np.fromiter(
        (
            int.from_bytes(hashlib.blake2b(os.fsencode(name), digest_size=8).digest())
            for _, names in sources
            for name in names
        ),
        np.uint64,
    )
    ends = np.cumsum([len(names) for _, names in sources])
    for place in np.argsort(keys, kind="stable")[:OPENED_FILES]:
        number = int(np.searchsorted(ends, place, "right"))
        items, names = sources[number]
        yield items, int(place - ends[number]) + len(names)


def _largest_values(images: Iterable[tuple[Items, int]]) -> Iterator[int]:
    """Yield the largest value of each deep gray file that does not say how deep."""
    found: list[int] = []

    def look(file: Image.Image, content: bytes) -> None:
        if file.mode.startswith("I") and declared_bits(file, content) is None:
            found.append(int(np.asarray(file).max()))

    for items, position in images:
        if not _may_be_deep(items.head(position, HEADER_BYTES)):
            continue
        before = len(found)
        # Training says why a file cannot be read.
        with contextlib.suppress(ImageError):
            content = items.read(position)
            open_content(items.paths[position], content, look=look)
        yield from found[before:]
        if len(found) == MEASURED_FILES:
            return


def _may_be_deep(header: bytes) -> bool:
    """Say, from its first bytes, whether a file is a PNG of 16 bits or a TIFF."""
    is_png = header.startswith(SIGNATURES[0])
    # A PNG's depth and its kind of colours (0 is gray) are bytes of its first chunk.
    return header[24:26] == b"\x10\0" if is_png else header.startswith(SIGNATURES)
