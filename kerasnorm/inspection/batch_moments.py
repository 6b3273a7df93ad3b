"""Measures the moments that batch norms see, batch by batch."""

from typing import Any

import keras
import numpy as np
from keras import ops

# A channel's variance of so many numbers says something about the channel.
TRUSTED_FROM = 4.0


class Moments:
    """Mean and variance of each channel over everything added so far.

    Sums are kept in float64 and merged pairwise, so that neither the order of the
    parts nor a large mean matters.
    """

    def __init__(self) -> None:
        self.count = 0.0
        self.mean: np.ndarray = np.zeros(())
        self._squares: np.ndarray = np.zeros(())

    def add(self, count: float, mean: np.ndarray, variance: np.ndarray) -> None:
        """Add a part.

        Args:
            count: Numbers per channel in the part.
            mean: Their mean, of shape (channels,).
            variance: Their variance, divided by the count, of shape (channels,).
        """
        if count == 0:
            return
        mean = np.asarray(mean, "float64")
        variance = np.asarray(variance, "float64")
        total = self.count + count
        difference = mean - self.mean
        self.mean = self.mean + difference * (count / total)
        self._squares = (
            self._squares
            + variance * count
            + difference**2 * (self.count * count / total)
        )
        self.count = total

    @property
    def variance(self) -> np.ndarray:
        """Variance of all numbers, divided by their count, of shape (channels,)."""
        return self._squares / self.count


def measure(inputs: Any, axis: int, mask: Any = None) -> tuple[Any, Any, Any]:
    """Return count, mean and variance of each channel in two passes over a batch.

    Args:
        inputs: Batch of any rank from 2, in float32 or wider.
        axis: Axis of the channels.
        mask: Booleans over the leading axes, or None; what is False does not count.

    Returns:
        Count (one number), mean and variance, both of shape (channels,).
    """
    rank = len(inputs.shape)
    others = [a for a in range(rank) if a != axis % rank]
    if mask is None:
        mean = ops.mean(inputs, axis=others, keepdims=True)
        variance = ops.mean(ops.square(inputs - mean), axis=others)
        count = np.prod([inputs.shape[a] for a in others])
        return float(count), ops.reshape(mean, (-1,)), variance
    weights = ops.cast(mask, inputs.dtype)
    weights = ops.reshape(weights, tuple(mask.shape) + (1,) * (rank - len(mask.shape)))
    weights = ops.broadcast_to(weights, inputs.shape)
    count = ops.sum(weights, axis=others, keepdims=True)
    safe = ops.maximum(count, 1.0)
    mean = ops.sum(inputs * weights, axis=others, keepdims=True) / safe
    squares = ops.square(inputs - mean) * weights
    variance = ops.sum(squares, axis=others, keepdims=True) / safe
    return (
        float(ops.convert_to_numpy(ops.max(count))),
        ops.reshape(mean, (-1,)),
        ops.reshape(variance, (-1,)),
    )


def floor(variance: Any, count: float) -> Any:
    """Return variances that may be divided by, however few numbers they are from.

    Two numbers of a channel can be equal by chance. A factor made of that variance
    would be hundreds of times its neighbours', and a few layers of such factors turn
    rounding errors into infinity. Up to four numbers the layer's variance is the least.

    Args:
        variance: Measured variance, of shape (channels,).
        count: Numbers per channel that it was measured on.

    Returns:
        The variance, and at least this fraction of the mean of all channels: four
        divided by `count`.
    """
    fraction = min(TRUSTED_FROM / max(count, 1.0), 1.0)
    return ops.maximum(variance, ops.mean(variance) * fraction)


def normalize(
    layer: keras.layers.BatchNormalization, inputs: Any, mean: Any, variance: Any
) -> Any:
    """Do what a batch norm does, with the moments that are given.

    Args:
        layer: The batch norm.
        inputs: Batch in float32 or wider.
        mean: Mean of shape (channels,).
        variance: Variance of shape (channels,).

    Returns:
        The outputs, of the inputs' shape and dtype.
    """
    shape = [1] * len(inputs.shape)
    shape[layer.axis] = -1
    factor = ops.rsqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * ops.cast(layer.gamma, factor.dtype)
    outputs = (inputs - ops.reshape(mean, shape)) * ops.reshape(factor, shape)
    if layer.center:
        outputs = outputs + ops.reshape(ops.cast(layer.beta, outputs.dtype), shape)
    return outputs
