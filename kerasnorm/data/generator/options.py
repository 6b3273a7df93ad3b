"""Checks of ImageDataGenerator's options, and the forms they are kept in."""

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator.image_store import CACHES, UNREADABLE
from kerasnorm.data.generator.iterator_options import is_switch

COMPATS = ("fixed", "keras")
FORMATS = ("channels_last", "channels_first", None)
SCIPY_MODES = (
    "nearest",
    "constant",
    "reflect",
    "wrap",
    "mirror",
    "grid-constant",
    "grid-mirror",
    "grid-wrap",
)
FLAGS = (
    "featurewise_center",
    "samplewise_center",
    "featurewise_std_normalization",
    "samplewise_std_normalization",
    "zca_whitening",
    "horizontal_flip",
    "vertical_flip",
)
# Of them, those whose result is no whole number.
FRACTIONAL = FLAGS[:5]
NUMBERS = (
    "zca_epsilon",
    "rotation_range",
    "shear_range",
    "channel_shift_range",
    "cval",
)
# Arguments that Keras' class still takes and no longer heeds.
RETIRED = ("has_ext", "sort", "drop_duplicates")


def check(options: Any) -> None:
    """Raise DataError for an option that is out of its range.

    Args:
        options: The ImageDataGenerator.
    """
    for name, known in (
        ("compat", COMPATS),
        ("data_format", FORMATS),
        ("fill_mode", SCIPY_MODES),
        ("interpolation_order", tuple(range(6))),
        ("cache", CACHES),
        ("unreadable", UNREADABLE),
    ):
        if getattr(options, name) not in known:
            raise DataError(
                f"Expected `{name}` to be one of {', '.join(map(repr, known))}. "
                "Received: "
                f"{getattr(options, name)!r}."
            )
    for name in FLAGS:
        if not is_switch(getattr(options, name)):
            raise wrong(options, name, "True or False")
    for name in NUMBERS:
        if not is_number(getattr(options, name)):
            raise wrong(options, name, "a finite number")
    for name in ("width_shift_range", "height_shift_range"):
        amount = getattr(options, name)
        if not is_number(amount) and not are_numbers(amount):
            raise wrong(options, name, "a finite number or a list of them")
    if not is_number(options.zoom_range) and not is_pair(options.zoom_range):
        raise wrong(options, "zoom_range", "a number or a pair of factors")
    if options.brightness_range is not None and not is_pair(options.brightness_range):
        raise wrong(options, "brightness_range", "a pair of factors")
    if options.rescale is not None and not is_number(options.rescale):
        raise wrong(options, "rescale", "a finite number or None")
    split = options.validation_split
    if not is_number(split) or (split and not 0 < split < 1):
        raise wrong(options, "validation_split", "above 0 and below 1, or 0 for none")
    function = options.preprocessing_function
    if function is not None and not callable(function):
        raise wrong(options, "preprocessing_function", "a function of one image")
    budget = options.memory_budget
    if budget is not None and not (is_number(budget) and budget >= 0):
        raise wrong(options, "memory_budget", "a number of bytes")
    if options.gray_bits not in (None, *range(8, 17)):
        raise wrong(options, "gray_bits", "a whole number from 8 to 16, or None")
    check_dtype(options)


def check_dtype(options: Any) -> None:
    """Raise DataError for a type that is none or cannot hold normalized values."""
    if options.dtype is None:
        return
    try:
        dtype = keras.backend.standardize_dtype(options.dtype)
    except (ValueError, TypeError):
        raise wrong(options, "dtype", "a number type such as 'float32'") from None
    is_whole = dtype.startswith(("int", "uint", "bool"))
    name = next((name for name in FRACTIONAL if getattr(options, name)), None)
    rescale = options.rescale
    if name is None and rescale is not None and rescale != round(rescale):
        name = "rescale"
    if is_whole and name is not None and options.compat == "fixed":
        raise DataError(
            f"Expected a dtype that holds the fractions that `{name}` gives. Received: "
            f"dtype={dtype!r}. Use dtype='float32'."
        )


def wrong(options: Any, name: str, expected: str) -> DataError:
    """Return the error of an option that is not what is expected."""
    return DataError(
        f"Expected `{name}` to be {expected}. Received: {getattr(options, name)!r}."
    )


def is_number(value: Any) -> bool:
    """Say whether a value is a finite number."""
    return isinstance(value, numbers.Real) and math.isfinite(value)


def are_numbers(values: Any) -> bool:
    """Say whether a value is a tuple, list or array of finite numbers."""
    is_list = isinstance(values, Sequence | np.ndarray) and not isinstance(values, str)
    return is_list and all(is_number(value) for value in values)


def is_pair(value: Any) -> bool:
    """Say whether a value is two finite numbers in a tuple, list or array."""
    return are_numbers(value) and len(value) == 2


def zoom_pair(zoom_range: Any) -> list[float]:
    """Return the smallest and largest zoom factor of a `zoom_range`."""
    if is_number(zoom_range):
        return [1 - zoom_range, 1 + zoom_range]
    return [zoom_range[0], zoom_range[1]]


def check_retired(keywords: dict[str, Any]) -> None:
    """Warn of arguments without effect; raise TypeError for unknown ones."""
    for name in keywords:
        if name not in RETIRED:
            raise TypeError(
                "Expected an argument that flow_from_dataframe() has. Received: "
                f"{name!r}. Check its spelling."
            )
        warnings.warn(f"`{name}` has no effect; leave it out.", stacklevel=3)
