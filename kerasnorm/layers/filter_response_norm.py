"""Filter response normalization and its thresholded linear unit."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers import moments
from kerasnorm.layers.channel_norm import ChannelNorm
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
        dtype = moments.at_least_float32(self.compute_dtype)
        x = moments.to_canonical(ops.cast(inputs, dtype), self.axis % inputs.ndim)
        square = ops.mean(ops.square(x), axis=(1, 3), keepdims=True)
        epsilon = self.epsilon
        if self.epsilon_l is not None:
            epsilon = epsilon + ops.abs(self._column(self.epsilon_l))
        slope = ops.rsqrt(square + epsilon)
        if self.gamma is not None:
            slope = slope * self._column(self.gamma)
        outputs = x * slope
        if self.beta is not None:
            outputs = outputs + self._column(self.beta)
        if self.tau is not None:
            outputs = ops.maximum(outputs, self._column(self.tau))
        outputs = ops.reshape(outputs, ops.shape(inputs))
        return ops.cast(outputs, self.compute_dtype)

    def _column(self, weight: Any) -> Any:
        return ops.reshape(weight, (1, 1, -1, 1))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "learn_epsilon": self.learn_epsilon,
            "tlu": self.tlu,
        }
