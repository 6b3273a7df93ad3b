"""Images that trainings have kept, for whoever wants some of them."""

import numpy as np

from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store import space
from kerasnorm.data.store.folder import DESCRIPTION, StoreFolder
from kerasnorm.data.store.holding import Holding
from kerasnorm.data.store.keys import store_name
from kerasnorm.data.store.stored_images import StoredImages


def recall_images(
    index: ImageIndex, image_size: tuple[int, int]
) -> StoredImages | None:
    """Return what a store has of some images; nothing is decoded or kept.

    Args:
        index: The images.
        image_size: Height and width in pixels.

    Returns:
        The images, of which `load` gives those that are there; None where there is no
        store of them.
    """
    if not index.root:
        return None
    name, made_from = store_name(index, image_size, MAX_PIXELS)
    try:
        path = space.stores_directory() / name
        if not (path / DESCRIPTION).is_file():
            return None
        folder = StoreFolder(path, made_from)
        holding = Holding.of(index)
        holding.recall(folder)
    except OSError:
        return None
    return StoredImages(holding, image_size, folder=folder)


def load_image(images: StoredImages, position: int) -> np.ndarray | None:
    """Return an image that a store has, uint8 (height, width, 3); None if it has not.

    Args:
        images: From `recall_images`.
        position: Which one.
    """
    image = np.empty((1, *images.shape[1:]), np.uint8)
    return image[0] if images.load(position, image) else None
