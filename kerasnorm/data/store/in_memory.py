"""Images brought from a store into memory."""

import concurrent.futures

import numpy as np

from kerasnorm.data.store.stored_images import StoredImages

BLOCK_BYTES = 4 * 2**20


def close_gaps(array: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Move images down to where rejected files left gaps, and return what is left.

    Args:
        array: The images, which are moved.
        kept: Positions of those to keep, in order.
    """
    # One by one: a second array might not fit.
    for position, source in enumerate(kept):
        if position != source:
            array[position] = array[source]
    return array[: len(kept)]


def read_missing(
    stored: StoredImages, array: np.ndarray, is_read: np.ndarray, threads: int
) -> None:
    """Read images from the store that have not been decoded just now.

    Args:
        stored: The images in the store.
        array: Where they go.
        is_read: Which are there already.
        threads: How many read at once.
    """
    length = max(1, BLOCK_BYTES // array[0].nbytes)

    def read(first: int) -> None:
        for position in range(first, min(first + length, len(array))):
            if not is_read[position]:
                here = slice(position, position + 1)
                stored.read_into(np.array([position]), array[here])

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        list(pool.map(read, range(0, len(array), length)))
