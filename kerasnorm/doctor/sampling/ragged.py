"""Arrays whose samples differ in shape: object arrays of one array for each sample.

Within a batch shapes are alike. Batches of different lengths are kept in one such
array, and what is picked from it is an ordinary array again where its shapes agree.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


def is_ragged(array: Any) -> bool:
    """Return whether an array holds one array for each sample.

    Args:
        array: Any array; texts are none.
    """
    return (
        isinstance(array, np.ndarray)
        and array.dtype == object
        and array.ndim == 1
        and len(array) > 0
        and isinstance(array[0], np.ndarray)
    )


def join_rows(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return arrays of (samples, ...) one after another, ragged where they differ.

    Args:
        arrays: At least one array, ordinary or ragged.
    """
    alike = len({array.shape[1:] for array in arrays}) == 1
    if alike and not any(is_ragged(array) for array in arrays):
        return np.concatenate(list(arrays))
    return _packed([row for array in arrays for row in array])


def _packed(rows: list[np.ndarray]) -> np.ndarray:
    packed = np.empty(len(rows), object)
    for place, row in enumerate(rows):
        packed[place] = row
    return packed


def pick_rows(array: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return samples of an array, as an ordinary one where their shapes agree.

    Args:
        array: An ordinary or ragged array.
        numbers: Numbers of the samples.
    """
    rows = array[numbers]
    if is_ragged(rows) and len({row.shape for row in rows}) == 1:
        return np.stack(list(rows))
    return rows


def shape_groups(nests: Any) -> np.ndarray | None:
    """Return the number of the shape that each sample has, None where all are alike.

    Args:
        nests: Nest of arrays of the same samples; None counts as no array.
    """
    arrays = [a for a in keras.tree.flatten(nests) if a is not None]
    ragged = [array for array in arrays if is_ragged(array)]
    if not ragged:
        return None
    shapes = [str([row.shape for row in rows]) for rows in zip(*ragged, strict=True)]
    return np.unique(shapes, return_inverse=True)[1]


def as_places(array: np.ndarray) -> np.ndarray:
    """Return the places of all samples of a ragged array as the places of one sample.

    The rank, and the size of the last axis where samples agree on it, stay; ordinary
    arrays come back as they are.

    Args:
        array: An ordinary or ragged array.
    """
    if not is_ragged(array):
        return array
    rank = array[0].ndim
    ends = {row.shape[-1:] for row in array}
    channels = ends.pop() if rank > 1 and len(ends) == 1 else ()
    flat = np.concatenate([row.reshape(-1, *channels) for row in array])
    ones = 1 + rank - len(channels) - 1
    return flat.reshape((1,) * ones + flat.shape)
