"""Forms in which samples are handed over: lists of numbers, whole arrays, batches."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

SCALARS = (bool, int, float, str, bytes, np.generic)


def as_arrays(nest: Any) -> Any:
    """Return a nest with its lists of numbers or strings as arrays.

    Args:
        nest: Arrays in lists, tuples and dicts, or lists of numbers or strings.

    Raises:
        TypeError: If a number stands alone where an array belongs.
        ValueError: If lists of numbers differ in length.
    """
    if isinstance(nest, SCALARS):
        raise TypeError(
            f"expected arrays of samples, received one {type(nest).__name__}: hand "
            "over (x, y) batches, or one tuple of whole arrays"
        )
    if type(nest) is dict:
        return {key: as_arrays(part) for key, part in nest.items()}
    if type(nest) is tuple:
        return tuple(as_arrays(part) for part in nest)
    if type(nest) is not list:
        return nest
    return _array_of(nest) if _holds_scalars(nest) else [as_arrays(p) for p in nest]


def _holds_scalars(value: Any) -> bool:
    while type(value) is list and value:
        value = value[0]
    return isinstance(value, SCALARS)


def _array_of(values: list) -> Any:
    """Return lists of numbers as one array, or as the arrays of one batch."""
    try:
        array = np.asarray(values)
    except ValueError:
        array = None
    if array is not None and array.dtype != object:
        return array
    parts = [as_arrays(part) if type(part) is list else part for part in values]
    if all(isinstance(part, (np.ndarray, list)) for part in parts):
        lengths = {len(part) for part in parts if isinstance(part, np.ndarray)}
        if len(lengths) <= 1:
            return parts
    raise ValueError(
        "expected lists of numbers of one length, received lists of differing lengths "
        "or None among them: pad them, or hand over arrays"
    )


def is_whole(source: Any, inputs: int | None = None) -> bool:
    """Return whether this is one tuple of whole arrays, and not a tuple of batches.

    Args:
        source: What was handed over as data.
        inputs: Inputs of the model, None where unknown.
    """
    if not isinstance(source, tuple) or not 1 <= len(source) <= 3:
        return False
    arrays = [array for array in keras.tree.flatten(source) if array is not None]
    if not all(len(getattr(array, "shape", ())) > 0 for array in arrays):
        return False
    if len({array.shape[0] for array in arrays}) != 1:
        return False
    parts = [part for part in source if part is not None]
    if not all(isinstance(part, (list, tuple)) for part in parts):
        return True
    first = parts[0]
    if inputs is not None:
        flat = len(first) == inputs and all(hasattr(part, "shape") for part in first)
        # A batch of one input alone is a tuple.
        return flat and (inputs > 1 or isinstance(first, list))
    # Batches are of one shape.
    shapes = {
        str([array.shape[1:] for array in keras.tree.flatten(part)]) for part in parts
    }
    return all(isinstance(part, list) for part in parts) and len(shapes) > 1


def cut(source: tuple, size: int = 32) -> list:
    """Return whole arrays as batches.

    Args:
        source: One tuple of whole arrays, or nests of them.
        size: Samples in a batch.
    """
    count = keras.tree.flatten(source)[0].shape[0]
    return [
        keras.tree.map_structure(
            lambda a, i=start: None if a is None else a[i : i + size], source
        )
        for start in range(0, count, size)
    ]


def in_batches(source: Any, model: keras.Model) -> Any:
    """Return whole arrays in batches, as `fit` takes them, and any other source as is.

    Args:
        source: A tuple of whole arrays, or an iterable of batches.
        model: The model they are for.
    """
    inputs = len(getattr(model, "inputs", None) or ())
    return cut(source) if is_whole(source, inputs or None) else source


def take_batches(batches: Iterable, count: int) -> Iterator[Any]:
    """Yield a number of batches as NumPy arrays, from the beginning again if need be.

    Args:
        batches: An iterable of batches.
        count: Batches to yield.

    Raises:
        ValueError: If there are none.
    """
    found = False
    for taken in itertools.islice(_walk_again_and_again(batches), count):
        found = True
        yield keras.tree.map_structure(
            lambda leaf: None if leaf is None else np.asarray(leaf),
            tuple(taken) if isinstance(taken, list | tuple) else taken,
        )
    if not found:
        raise ValueError("Expected `batches` of training data, received none.")


def _walk_again_and_again(batches: Iterable) -> Iterator:
    while True:
        empty = True
        for batch in _walk(batches):
            empty = False
            yield batch
        if empty:
            return


def _walk(batches: Any) -> Iterator:
    if hasattr(batches, "__getitem__") and hasattr(batches, "__len__"):
        return (batches[index] for index in range(len(batches)))
    return iter(batches)
