"""The thresholded linear unit: a ReLU whose threshold is learned per channel."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import channels_of, check_axis, check_dense
from kerasnorm.registration import register


@register
class TLU(keras.layers.Layer):
    """Return `max(x, tau)` with one learned threshold `tau` per channel.

    For use after a norm that does not centre its output. `FilterResponseNorm` has it
    built in; this is the unit alone. Training and inference compute the same. A number
    that equals `tau` passes its gradient to `tau`.

    Args:
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `axis` is not an integer or is 0, or, at build, if the input has
            no such axis or does not tell its size.

    Example:
        >>> TLU()(keras.ops.array([[-1.0, 2.0]]))
        [[0. 2.]]

    Reference:
        Singh and Krishnan 2019, arXiv 1911.09737, section 3.2.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = check_axis(axis)
        self.supports_masking = True

    def build(self, input_shape: tuple) -> None:
        """Create `tau`, one number per channel, at 0: the layer starts as a ReLU."""
        channels = channels_of(self, input_shape)
        self.input_spec = keras.layers.InputSpec(
            ndim=len(input_shape), axes={self.axis: channels}
        )
        self.tau = self.add_weight(name="tau", shape=(channels,), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Cut `inputs`, of shape (batch, ..., channels), off below `tau`."""
        check_dense(inputs)
        shape = [1] * len(inputs.shape)
        shape[self.axis] = -1
        tau = ops.reshape(self.tau, shape)
        # Not a maximum: backends disagree on who gets the gradient when both are equal.
        return ops.where(inputs <= tau, tau, inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "axis": self.axis}
