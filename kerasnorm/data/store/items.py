"""The images of an index as they are at this moment."""

import os

import numpy as np

from kerasnorm.data.sources.index import ImageIndex


def stamp_now(index: ImageIndex, position: int) -> np.ndarray:
    """Return the stamp that an image has by now, all zero where it has vanished.

    Args:
        index: The images.
        position: Which of them.
    """
    found: np.ndarray = index.items.take(np.array([position])).stamps()[0]
    return found


def is_reachable(index: ImageIndex, position: int) -> bool:
    """Say whether the folder of an image is there, even if the image is not.

    Args:
        index: The images.
        position: Which of them.
    """
    return os.path.isdir(index.root or os.path.dirname(index.paths[position]) or ".")
