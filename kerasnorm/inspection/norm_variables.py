"""Reads, checks and writes the moving mean and variance of norms."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Statistics = Mapping[Any, tuple[np.ndarray, np.ndarray]]

LARGEST_FLOAT16 = float(np.finfo("float16").max)


def kept_by(layer: Any) -> bool:
    """Return whether a layer keeps moving statistics.

    Args:
        layer: Any layer.
    """
    return all(value is not None for value in _variables(layer))


def read(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return moving mean and variance, both of shape (channels,).

    Args:
        norm: A built layer that keeps them.
    """
    mean, variance = (
        np.array(keras.ops.convert_to_numpy(value)) for value in _variables(norm)
    )
    return mean, variance


def assign(statistics: Statistics) -> None:
    """Write moving means and variances.

    Args:
        statistics: Mean and variance by norm, both of shape (channels,).
    """
    for norm, values in statistics.items():
        for variable, value in zip(_variables(norm), values, strict=True):
            # NumPy knows no bfloat16, and Keras rounds float32 to it.
            wide = keras.backend.result_type(variable.dtype, "float32")
            variable.assign(value.astype(wide))


def check_finite(statistics: Statistics) -> None:
    """Refuse statistics that are NaN or infinite.

    Args:
        statistics: Mean and variance by norm, both of shape (channels,).

    Raises:
        ValueError: If there are any.
    """
    for norm, values in statistics.items():
        if not all(np.all(np.isfinite(value)) for value in values):
            raise ValueError(
                f"Expected finite inputs of the batch norm {norm.name!r}. Received: "
                "NaN or infinity. The statistics were left as before; look for NaN in "
                "the batches or in the weights."
            )


def check_range(statistics: Statistics) -> None:
    """Refuse statistics that would become infinite in the weights of their norm.

    Args:
        statistics: Mean and variance by norm, both of shape (channels,).

    Raises:
        ValueError: If there are any.
    """
    for norm, values in statistics.items():
        for variable, value in zip(_variables(norm), values, strict=True):
            largest = np.max(np.abs(value), initial=0.0)
            if variable.dtype == "float16" and largest > LARGEST_FLOAT16:
                raise ValueError(
                    f"Expected statistics of the batch norm {norm.name!r} within "
                    f"float16, the dtype of its weights. Received: {variable.name} of "
                    f"{largest:.3g}, above {LARGEST_FLOAT16:.0f}. Make the model with "
                    "dtype='mixed_float16', or scale its inputs down."
                )


def _variables(layer: Any) -> tuple[Any, Any]:
    names = "moving_mean", "moving_variance"
    mean, variance = (getattr(layer, name, None) for name in names)
    return mean, variance
