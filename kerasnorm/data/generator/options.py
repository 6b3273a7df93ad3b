"""Checks of ImageDataGenerator's options, and the forms they are kept in."""

import warnings
from typing import Any

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator.picture_store import CACHES, UNREADABLE

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
                f"`{name}` must be one of {', '.join(map(repr, known))}. Received: "
                f"{getattr(options, name)!r}."
            )
    split = options.validation_split
    if split and not 0 < split < 1:
        raise DataError(
            "`validation_split` must be above 0 and below 1, or 0 for none. Received: "
            f"{split!r}."
        )
    pair = options.brightness_range
    if pair is not None and not is_pair(pair):
        raise DataError(
            f"`brightness_range` must be a pair of factors. Received: {pair!r}."
        )


def zoom_pair(zoom_range: Any) -> list[float]:
    """Return the smallest and largest zoom factor of a `zoom_range`."""
    if isinstance(zoom_range, int | float):
        return [1 - zoom_range, 1 + zoom_range]
    if is_pair(zoom_range):
        return [zoom_range[0], zoom_range[1]]
    raise DataError(
        f"`zoom_range` must be a number or a pair of factors. Received: {zoom_range!r}."
    )


def is_pair(value: Any) -> bool:
    """Say whether a value is two numbers in a tuple, list or array."""
    return hasattr(value, "__len__") and not isinstance(value, str) and len(value) == 2


def check_retired(keywords: dict[str, Any]) -> None:
    """Warn of arguments without effect; raise TypeError for unknown ones."""
    for name in keywords:
        if name not in RETIRED:
            raise TypeError(
                f"flow_from_dataframe() has no argument {name!r}. Check its spelling."
            )
        warnings.warn(f"`{name}` has no effect; leave it out.", stacklevel=3)
