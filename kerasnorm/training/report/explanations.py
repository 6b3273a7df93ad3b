"""Images beside what in them speaks for the class that the model takes them for."""

import os
import pathlib
import urllib.parse
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import PIL.Image

from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.sources import remote
from kerasnorm.inspection.grad_cam import grad_cam
from kerasnorm.pages.heat_map import overlay

BATCH_SIZE = 32
QUALITY = 90


def explain(
    model: keras.Model, images: np.ndarray, classes: np.ndarray, *, mirrored: bool
) -> list[np.ndarray]:
    """Return images with what speaks for a class drawn over them.

    Args:
        model: The model.
        images: uint8 of shape (images, height, width, 3).
        classes: A class for each image.
        mirrored: Whether the model's opinion is that of an image and its mirror image.
    """
    drawn = []
    for start in range(0, len(images), BATCH_SIZE):
        batch = images[start : start + BATCH_SIZE]
        wanted = classes[start : start + BATCH_SIZE]
        maps = grad_cam(model, batch, wanted)
        if mirrored:
            maps = maps + grad_cam(model, batch[:, :, ::-1], wanted)[:, :, ::-1]
        drawn += [overlay(*pair) for pair in zip(batch, maps, strict=True)]
    return drawn


def write_explanations(
    model: keras.Model,
    decoded: DecodedImages,
    classes: np.ndarray,
    folder: str | os.PathLike[str],
    *,
    mirrored: bool,
) -> list[str]:
    """Write each image beside what in it speaks for its class, as JPEG.

    The folders below the one that holds all images are kept, so that files of the same
    name stay apart.

    Args:
        model: The model.
        decoded: The images; only some of them are in memory at once.
        classes: A class for each image.
        folder: A new or empty folder.
        mirrored: Whether the model's opinion is that of an image and its mirror image.

    Returns:
        The file of each image.
    """
    target = pathlib.Path(folder)
    files = [target / name for name in _names(decoded.paths)]
    for start in range(0, len(files), BATCH_SIZE):
        places = np.arange(start, min(start + BATCH_SIZE, len(files)))
        images = decoded.read(places)
        drawn = explain(model, images, classes[places], mirrored=mirrored)
        for place, image, beside in zip(places, images, drawn, strict=True):
            files[place].parent.mkdir(parents=True, exist_ok=True)
            both = PIL.Image.fromarray(np.concatenate([image, beside], axis=1))
            both.save(files[place], "JPEG", quality=QUALITY)
    return [os.fspath(file) for file in files]


def _local_part(path: str) -> str:
    return urllib.parse.urlsplit(path).path if remote.is_url(path) else path


def _names(images: Sequence[str]) -> Iterator[str]:
    """Name files that differ even where case does not count."""
    full = [os.path.abspath(_local_part(remote.as_given(image))) for image in images]
    try:
        root = os.path.commonpath([os.path.dirname(path) for path in full])
    except ValueError:
        # They lie on different drives.
        root = ""
    taken = set()
    for path in full:
        below = os.path.relpath(path, root) if root else os.path.basename(path)
        name, number = f"{below}.jpg", 1
        while name.casefold() in taken:
            number += 1
            name = f"{below}.{number}.jpg"
        taken.add(name.casefold())
        yield name
