"""Filter response normalization and its thresholded linear unit."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.norms import moments
from kerasnorm.layers.norms.channel_norm import ChannelNorm
from kerasnorm.layers.norms.fused_affine import fused_affine
from kerasnorm.registration import register


@register
class FilterResponseNorm(ChannelNorm):
    """Divide each channel of each sample by its root mean square over the pixels.

        y = max(gamma * x / sqrt(mean(x ** 2) + epsilon + |epsilon_l|) + beta, tau)

    with the mean over the pixels of one sample and one channel. No mean is subtracted,
    so the thresholded linear unit at the end, with its learned `tau`, takes the place
    of the ReLU that would follow: use no other activation. No sample sees another, and
    training and inference compute the same. The authors found that it needs a warm-up
    of the learning rate.

    Where a channel can have a single pixel, as after global pooling, `x / sqrt(x ** 2)`
    is only a sign; `learn_epsilon=True` lets the layer smooth it.

    Args:
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        epsilon: Positive number added to the mean square, default 1e-6.
        learn_epsilon: Whether to add the absolute value of a learned weight
            `epsilon_l`, one per channel, which starts at 1e-4; default False.
        tlu: Whether to end with the thresholded linear unit, weight `tau`, default
            True. It starts as a ReLU.
        center: Whether to add the weight `beta`, default True.
        scale: Whether to multiply by the weight `gamma`, default True.
        **kwargs: Initializers, regularizers and constraints of `beta` and `gamma`, and
            arguments of `keras.layers.Layer`.

    Example:
        >>> layer = FilterResponseNorm()
        >>> layer(keras.random.normal((2, 16, 16, 64))).shape
        (2, 16, 16, 64)

    Reference:
        Singh and Krishnan 2019, Filter Response Normalization Layer, arXiv 1911.09737.
        A pixel that lies exactly on `tau` passes its gradient to `tau`.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-6,
        learn_epsilon: bool = False,
        tlu: bool = True,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self.learn_epsilon = learn_epsilon
        self.tlu = tlu

    def build(self, input_shape: tuple) -> None:
        """Create `gamma`, `beta`, and `epsilon_l` and `tau` where asked for."""
        super().build(input_shape)
        channels = (input_shape[self.axis],)
        self.epsilon_l = self.tau = None
        if self.learn_epsilon:
            self.epsilon_l = self.add_weight(
                name="epsilon_l",
                shape=channels,
                initializer=keras.initializers.Constant(1e-4),
                autocast=False,
            )
        if self.tlu:
            self.tau = self.add_weight(
                name="tau", shape=channels, initializer="zeros", autocast=False
            )

    def call(self, inputs: Any) -> Any:
        """Normalize `inputs`, of shape (batch, ..., channels)."""
        inputs = moments.as_computed(inputs, self.compute_dtype)
        source = moments.to_canonical(inputs, self.axis)
        dtype = moments.at_least_float32(self.compute_dtype)
        square = moments.mean_over_pixels(ops.square(ops.cast(source, dtype)))
        gamma, beta = self.scale_and_center()
        epsilon = self.epsilon + ops.zeros_like(gamma)
        if self.epsilon_l is not None:
            epsilon = epsilon + ops.abs(ops.cast(self.epsilon_l, dtype))
        outputs = fused_affine(
            source,
            lambda source: ops.cast(source, dtype),
            (square, epsilon, gamma, beta),
            _coefficients,
            _gradients,
            None if self.tau is None else ops.cast(self.tau, dtype),
        )
        outputs = ops.reshape(outputs, ops.shape(inputs))
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "learn_epsilon": self.learn_epsilon,
            "tlu": self.tlu,
        }


def _coefficients(square: Any, epsilon: Any, gamma: Any, beta: Any) -> tuple:
    power = square + epsilon
    # A division at the end keeps XLA from working the root out again for each pixel.
    return gamma * ops.sqrt(power) / power, ops.broadcast_to(beta, ops.shape(power))


def _gradients(
    dy: Any,
    dy_pixels: Any,
    count: Any,
    square: Any,
    epsilon: Any,
    gamma: Any,
    beta: Any,
) -> tuple:
    scale, _ = _coefficients(square, epsilon, gamma, beta)
    power = square + epsilon
    root = ops.sqrt(power)
    dx_from_x = -gamma * dy_pixels / (power * root)
    d_weights = 0.5 * dx_from_x, dy_pixels / root, dy
    return (
        scale,
        dx_from_x,
        None,
        (None, *(ops.sum(d, axis=0) * count for d in d_weights)),
    )
