"""What an image is found again by: a number made of its place and its stamp."""

import hashlib
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasnorm.data.images import decode, deep_gray, limits
from kerasnorm.data.items.texts import NamesBelow
from kerasnorm.data.sources.index import ImageIndex

KEY_BYTES = 16


def image_keys(paths: Sequence[str], root: str, stamps: np.ndarray) -> np.ndarray:
    """Return the key of each image: another one once the image has changed.

    Args:
        paths: The images.
        root: Their data folder.
        stamps: Their stamps, (images, numbers).

    Returns:
        uint64, (images, 2).
    """
    content = bytearray()
    rows = np.ascontiguousarray(stamps, np.int64)
    # Not the names: members of two shards may share theirs, and have equal stamps.
    places = NamesBelow(paths, root)
    for name, stamp in zip(places, rows, strict=True):
        text = os.fsencode(name) + stamp.tobytes()
        content += hashlib.blake2b(text, digest_size=KEY_BYTES).digest()
    # Writeable: the image may change while it is read.
    return np.frombuffer(content, np.uint64).reshape(-1, 2)


def find_keys(known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return where keys stand in a list, the last place of a key that is there twice.

    Args:
        known: The list, uint64 (n, 2).
        wanted: The keys to find, uint64 (m, 2).

    Returns:
        Places in `known`, int64 (m,); -1 where there is none.
    """
    if not len(known):
        return np.full(len(wanted), -1)
    order = np.lexsort((np.arange(len(known)), known[:, 1], known[:, 0]))
    halves = known[order, 0]
    place = np.searchsorted(halves, wanted[:, 0], side="right") - 1
    found = np.where(place >= 0, order[place], -1)
    is_same = (place >= 0) & np.all(known[found] == wanted, axis=1)
    # Two keys of the same first half and another second one: chance hardly ever
    # brings them about.
    for number in np.flatnonzero(~is_same & (halves[place] == wanted[:, 0])):
        at = place[number]
        while at >= 0 and halves[at] == wanted[number, 0] and not is_same[number]:
            found[number] = order[at]
            is_same[number] = np.array_equal(known[order[at]], wanted[number])
            at -= 1
    return np.where(is_same, found, -1)


def store_name(
    index: ImageIndex, image_size: tuple[int, int], max_pixels: int
) -> tuple[str, dict]:
    """Return the name of the store that holds the images of a data folder.

    Images of one folder lie in one store, whichever of them a run takes. Each way of
    decoding has a store of its own: image size, largest image, gray values, and the
    versions of Pillow and of the decoder.

    Args:
        index: The images.
        image_size: Height and width in pixels.
        max_pixels: Larger images are rejected.

    Returns:
        The name, and what it is made from.
    """
    made_from = {
        "root": os.path.realpath(index.root),
        "image_size": [int(side) for side in image_size],
        "max_pixels": max_pixels,
        "gray_bits": index.gray_bits,
        "decoder": decoder_versions(),
    }
    return name_of(made_from), made_from


def name_of(made_from: dict[str, Any]) -> str:
    """Return the name of a store.

    Args:
        made_from: What decides the pixels in it.
    """
    digest = hashlib.blake2b(repr(made_from).encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def decoder_versions(*files: str) -> list[str | None]:
    """Return what changes with the pixels that a file is decoded to.

    Args:
        *files: Python files that decode, besides those of every image.
    """
    import PIL
    from PIL import features

    own = (decode.__file__, deep_gray.__file__, limits.__file__)
    return [
        *map(_digest_of, (*own, *files)),
        PIL.__version__,
        features.version("libjpeg_turbo"),
    ]


def _digest_of(file: str) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
