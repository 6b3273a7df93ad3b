"""The thresholded linear unit: a ReLU whose threshold is learned per channel."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import channels_of, check_axis
from kerasnorm.registration import register


@register
class TLU(keras.layers.Layer):
    """Return `max(x, tau)` with one learned threshold `tau` per channel.

    Args:
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        **kwargs: Arguments of `keras.layers.Layer`.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = check_axis(axis)

    def build(self, input_shape: tuple) -> None:
        """Create `tau`, one number per channel, at 0: the layer starts as a ReLU."""
        channels = channels_of(self, input_shape)
        self.tau = self.add_weight(name="tau", shape=(channels,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Cut `inputs`, of shape (batch, ..., channels), off below `tau`."""
        shape = [1] * inputs.ndim
        shape[self.axis] = -1
        return ops.maximum(inputs, ops.reshape(self.tau, shape))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "axis": self.axis}
