"""Statistics of each sample and channel over space, exact at any offset.

Every layer of this room normalizes with the same two numbers per sample and channel
and differs only in how it pools them over groups, channels or the batch.
"""

from typing import Any, NamedTuple

import keras
from keras import ops


class Moments(NamedTuple):
    """What one pass over the pixels knows about each sample and channel.

    The pixels are seen through `shift`, a value among them, so that a large common
    offset costs no digits: the mean is `shift + offset`.

    Attributes:
        shift: A value near the mean, without gradient; (batch, channels).
        offset: Mean of `x - shift`; (batch, channels).
        variance: Variance over space; (batch, channels).
    """

    shift: Any
    offset: Any
    variance: Any


def to_canonical(x: Any, axis: int) -> Any:
    """Reshape to (batch, pixels before, channels, pixels after the channel axis)."""
    shape = ops.shape(x)
    before = _product(shape[1:axis])
    after = _product(shape[axis + 1 :])
    return ops.reshape(x, (shape[0], before, shape[axis], after))


def shifted_moments(x: Any) -> tuple[Any, Moments]:
    """Take the statistics of a tensor in canonical layout.

    Args:
        x: Tensor (batch, before, channels, after).

    Returns:
        `x - shift` in the shape of `x`, and the `Moments`.
    """
    shift = ops.stop_gradient(ops.mean(x, axis=(1, 3), keepdims=True))
    centered = x - shift
    offset = ops.mean(centered, axis=(1, 3))
    variance = ops.mean(ops.square(centered), axis=(1, 3)) - ops.square(offset)
    return centered, Moments(
        ops.squeeze(shift, axis=(1, 3)), offset, ops.maximum(variance, 0.0)
    )


def at_least_float32(dtype: str) -> str:
    """Return the dtype in which statistics of a tensor of `dtype` are taken."""
    return keras.backend.result_type(dtype, "float32")


def _product(sizes: Any) -> Any:
    result = 1
    for size in sizes:
        result = result * size
    return result
