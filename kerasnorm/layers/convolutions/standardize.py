"""Standardization of kernels: the arithmetic of the weight-standardized layers."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.norms.moments import at_least_float32

CONV_UNIT_AXES = (0, 1, 2)
DEPTHWISE_UNIT_AXES = (0, 1)


def standardize(kernel: Any, axes: tuple[int, ...], epsilon: float) -> Any:
    """Bring each filter to mean 0 and standard deviation 1.

    `(kernel - mean) / (std + epsilon)` with the standard deviation of all the filter's
    numbers (divided by their count, not by one less).

    Args:
        kernel: Kernel of a convolution, float32 or wider.
        axes: Axes that make up one filter.
        epsilon: Positive number added to the standard deviation.
    """
    centered, variance = _centered(kernel, axes)
    # A filter of equal numbers must give 0 with a finite gradient; the root has none
    # at 0.
    std = ops.sqrt(ops.maximum(variance, keras.config.epsilon() ** 4))
    return centered / (std + epsilon)


def standardize_scaled(
    kernel: Any, gain: Any, axes: tuple[int, ...], epsilon: float
) -> Any:
    """Bring each filter to mean 0 and variance `gain ** 2 / fan_in`.

    `gain * (kernel - mean) / sqrt(max(variance * fan_in, epsilon))`, which keeps the
    variance of a signal of independent numbers.

    Args:
        kernel: Kernel of a convolution, float32 or wider.
        gain: Factor per filter, of a shape that broadcasts against the kernel.
        axes: Axes that make up one filter.
        epsilon: Positive lower bound of `variance * fan_in`.
    """
    fan_in = fan_in_of(kernel.shape, axes)
    centered, variance = _centered(kernel, axes)
    return (
        ops.cast(gain, kernel.dtype)
        * centered
        * ops.rsqrt(ops.maximum(variance * fan_in, epsilon))
    )


def _centered(kernel: Any, axes: tuple[int, ...]) -> tuple[Any, Any]:
    """Return each filter without its mean, and its variance."""
    # Seen from one of its own numbers, a filter of equal numbers is exactly 0; the
    # rounding error of its mean would be divided by a standard deviation as small.
    first = tuple(slice(0, 1) if axis in axes else slice(None) for axis in range(4))
    kernel = kernel - ops.stop_gradient(kernel[first])
    centered = kernel - ops.mean(kernel, axis=axes, keepdims=True)
    return centered, ops.mean(ops.square(centered), axis=axes, keepdims=True)


def fan_in_of(kernel_shape: tuple, axes: tuple[int, ...]) -> int:
    """Return how many weights make up one filter."""
    fan_in = 1
    for axis in axes:
        fan_in *= kernel_shape[axis]
    return fan_in


def check_fan_in(layer: keras.layers.Layer, fan_in: int) -> None:
    """Raise if a filter has a single weight, which would become 0."""
    if fan_in < 2:
        raise ValueError(
            f"Expected a kernel of {type(layer).__name__} with at least 2 weights per "
            "filter, because standardization turns a single weight into 0; use a "
            f"plain convolution here. Received: kernel_size={layer.kernel_size} with "
            "1 channel per filter."
        )


def full_precision(layer: keras.layers.Layer) -> Any:
    """Return the raw kernel of a layer in at least float32."""
    return ops.cast(layer.kernel, at_least_float32(layer.compute_dtype))


def uncast_kernel(kwargs: dict) -> dict:
    """Return the arguments of `add_weight`, sparing a kernel the cast to float16."""
    return {**kwargs, "autocast": False} if kwargs.get("name") == "kernel" else kwargs
