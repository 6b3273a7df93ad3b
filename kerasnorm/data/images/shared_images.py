"""Decoded images on disk, made once and read by all processes of a machine."""

import contextlib
import hashlib
import json
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from kerasnorm.data.images.load_images import DecodedImages, load_images
from kerasnorm.data.sources.index import ImageIndex


def load_shared_images(
    index: ImageIndex, image_size: tuple[int, int], folder: str | os.PathLike[str]
) -> DecodedImages:
    """Decode every file of an index, unless another process has done so already.

    The first process decodes while the others wait; then all map the same file, whose
    pages the operating system keeps in memory once. A changed, added or removed
    image makes another file.

    Args:
        index: The files.
        image_size: Height and width in pixels.
        folder: Where the decoded images lie, on a disk of this machine; made if
            needed. Whoever names it removes it.

    Returns:
        What `load_images` returns, with read-only images.

    Raises:
        DataError: No file could be decoded, or one class lost all its files.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(index, image_size)
    array, record = folder / f"{key}.npy", folder / f"{key}.json"
    with _alone(folder / f"{key}.lock"):
        if not record.is_file():
            _write(load_images(index, image_size), array, record)
    found = json.loads(record.read_text(encoding="utf-8"))
    return DecodedImages(
        np.asarray(np.load(array, mmap_mode="r")),
        np.array(found["labels"], np.int64),
        tuple(found["paths"]),
        index.class_names,
        tuple((path, reason) for path, reason in found["rejected"]),
    )


def _write(decoded: DecodedImages, array: pathlib.Path, record: pathlib.Path) -> None:
    aside = array.with_name(f".{os.getpid()}.npy")
    np.save(aside, decoded.images)
    aside.replace(array)
    values = {
        "labels": decoded.labels.tolist(),
        "paths": decoded.paths,
        "rejected": decoded.rejected,
    }
    aside = record.with_name(f".{os.getpid()}.json")
    aside.write_text(json.dumps(values), encoding="utf-8")
    aside.replace(record)


def _key(index: ImageIndex, image_size: tuple[int, int]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    form = (image_size, index.gray_bits)
    digest.update(repr((form, index.class_names, index.ignored)).encode())
    digest.update(np.asarray(index.labels).tobytes())
    for path in index.paths:
        digest.update(os.fsencode(path) + b"\0")
    digest.update(index.items.stamps().tobytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _alone(file: pathlib.Path) -> Iterator[None]:
    # The operating system takes the lock back from a process that crashes.
    with file.open("w") as stream:
        try:
            import fcntl
        except ImportError:
            # Windows: at worst two processes decode the same images.
            yield
            return
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
