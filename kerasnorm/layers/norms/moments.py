"""Statistics of each sample and channel over its pixels, exact at any offset.

All norms here work on one view of their input, (batch, pixels before, channels,
pixels after the channel axis), so that channels last and channels first are the same
code. Its statistics are two numbers per sample and channel; what a norm pools
together it pools from those.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from kerasnorm.layers.checks import check_dense

# A shift taken from this part of the pixels is at most sqrt(16) standard deviations off
# the mean, whatever the pixels are, and so costs the variance at most a factor 16 of
# the last digit.
SHIFT_PART = 16

# XLA joins what feeds a sum to the sum itself, in vector instructions, only when the
# sum is about this short; what feeds a longer one it writes to memory first.
LONGEST_JOINED_SUM = 16


class Moments(NamedTuple):
    """What is known about the pixels of each sample and channel.

    The pixels are seen through `shift`, a value near their mean, so that a common
    offset costs no digits. All are (batch, channels) and in at least float32.

    Attributes:
        shift: A value near the mean; it carries no gradient and needs none, because
            no output depends on it.
        offset: Mean of `x - shift`; the mean of `x` is `shift + offset`.
        square: Mean of `(x - shift) ** 2`.
    """

    shift: Any
    offset: Any
    square: Any

    def variance(self) -> Any:
        """Return the variance over the pixels; rounding never makes it negative."""
        return ops.maximum(self.square - ops.square(self.offset), 0.0)


def at_least_float32(dtype: str) -> str:
    """Return the dtype in which statistics of a tensor of `dtype` are taken."""
    return keras.backend.result_type(dtype, "float32")


def as_computed(x: Any, compute_dtype: str) -> Any:
    """Cast inputs to the dtype a norm works in, without losing what is large.

    Under mixed precision a norm takes inputs of float32 as they are: half precision
    would make what is above 65504 infinite before the norm could bring it down. For
    that the layer must be made without Keras' own casting, `autocast = False`.

    Args:
        x: Inputs of any dtype.
        compute_dtype: The layer's own, which its outputs have.

    Raises:
        ValueError: If the inputs are ragged or sparse.
    """
    check_dense(x)
    if keras.backend.standardize_dtype(x.dtype) == compute_dtype:
        return x
    return ops.cast(x, at_least_float32(compute_dtype))


def to_canonical(x: Any, axis: int) -> Any:
    """Reshape to (batch, pixels before, channels, pixels after the channel axis)."""
    axis = axis % len(x.shape)
    shape = ops.shape(x)
    before, after = _product(shape[1:axis]), _product(shape[axis + 1 :])
    return ops.reshape(x, (shape[0], before, shape[axis], after))


def column(values: Any) -> Any:
    """Reshape (batch, channels) so that it broadcasts against the canonical view."""
    return ops.expand_dims(ops.expand_dims(values, 1), 3)


def count_pixels(x: Any) -> Any:
    """Return the pixels per sample and channel; a tensor where that is unknown."""
    _, before, _, after = ops.shape(x)
    count = before * after
    return float(count) if isinstance(count, int) else ops.cast(count, "float32")


def mean_over_pixels(x: Any) -> Any:
    """Average the canonical view over its pixels, to (batch, channels).

    In two steps where the size is known, a few far-apart parts first: that is faster
    on every backend, and it rounds less.
    """
    batch, before, channels, after = ops.shape(x)
    if after == 1:
        parts = _divisor(before)
        x = ops.reshape(x, (batch, parts, before // parts, channels))
        return ops.mean(ops.mean(x, axis=1), axis=1)
    parts = _divisor(after)
    x = ops.reshape(x, (batch, before, channels, parts, after // parts))
    return ops.mean(ops.mean(x, axis=3), axis=(1, 3))


def take_moments(x: Any) -> tuple[Any, Moments]:
    """Take the moments of the canonical view.

    Args:
        x: Canonical view, in at least float32.

    Returns:
        The shifted pixels, in the shape of `x`, and their moments.
    """
    _, before, _, after = ops.shape(x)
    part = (
        x[:, : _shift_size(before)] if after == 1 else x[:, :, :, : _shift_size(after)]
    )
    shift = ops.stop_gradient(ops.mean(part, axis=(1, 3)))
    pixels = x - column(shift)
    offset, square = mean_over_pixels(pixels), mean_over_pixels(ops.square(pixels))
    return pixels, Moments(shift, offset, square)


def _shift_size(size: Any) -> Any:
    most = max if isinstance(size, int) else ops.maximum
    return most(size // SHIFT_PART, 1)


def _divisor(size: Any) -> int:
    if not isinstance(size, int):
        return 1
    most = min(size, LONGEST_JOINED_SUM)
    return next((n for n in range(most, 0, -1) if size % n == 0), 1)


def _product(sizes: Any) -> Any:
    result = 1
    for size in sizes:
        result = result * size
    return result
