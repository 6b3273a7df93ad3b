"""Filter response normalization and its thresholded linear unit."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers import moments
from kerasnorm.layers.channel_norm import ChannelNorm
from kerasnorm.layers.multiply_add import multiply_add
from kerasnorm.registration import register


@register
class FilterResponseNorm(ChannelNorm):
    """Divide each channel of each sample by its root mean square over the pixels.

    Args:
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        epsilon: Positive number added to the mean square.
        learn_epsilon: Whether to add the absolute value of a learned weight
            `epsilon_l`, which 1x1 maps need.
        tlu: Whether to end with the thresholded linear unit, weight `tau`.
        center: Whether to add the weight `beta`.
        scale: Whether to multiply by the weight `gamma`.
        **kwargs: Initializers, regularizers and constraints as for `GroupNorm`.
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
        source = moments.to_canonical(inputs, self.axis)
        dtype = moments.at_least_float32(self.compute_dtype)
        square = moments.mean_over_pixels(ops.square(ops.cast(source, dtype)))
        gamma, beta = self.scale_and_center()
        epsilon = self.epsilon + ops.zeros_like(gamma)
        if self.epsilon_l is not None:
            epsilon = epsilon + ops.abs(ops.cast(self.epsilon_l, dtype))
        outputs = multiply_add(
            source,
            lambda source: ops.cast(source, dtype),
            (square, epsilon, gamma, beta),
            _coefficients,
            _gradients,
            None if self.tau is None else ops.cast(self.tau, dtype),
        )
        return ops.reshape(outputs, ops.shape(inputs))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "learn_epsilon": self.learn_epsilon,
            "tlu": self.tlu,
        }


def _coefficients(square: Any, epsilon: Any, gamma: Any, beta: Any) -> tuple:
    slope = gamma / ops.sqrt(square + epsilon)
    return slope, ops.broadcast_to(beta, ops.shape(slope))


def _gradients(
    dy: Any,
    dy_pixels: Any,
    count: Any,
    square: Any,
    epsilon: Any,
    gamma: Any,
    beta: Any,
) -> tuple:
    power = square + epsilon
    root = ops.sqrt(power)
    curve = -gamma * dy_pixels / (power * root)
    d_weights = 0.5 * curve, dy_pixels / root, dy
    return curve, None, (None, *(ops.sum(d, axis=0) * count for d in d_weights))
