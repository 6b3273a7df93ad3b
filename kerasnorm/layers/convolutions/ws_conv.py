"""A convolution whose kernel is standardized, filter by filter, at every call."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import check_positive
from kerasnorm.layers.convolutions import standardize
from kerasnorm.registration import register


@register
class WSConv2D(keras.layers.Conv2D):
    """Convolve with a kernel standardized per filter.

    Takes away two directions in which a filter can grow without effect on a norm
    that follows, which smooths the loss; made for GroupNorm and small batches. Do
    not use it where no norm follows: it fixes the size of the outputs.

    Training and inference compute the same; the raw kernel is what is trained and
    saved, `standardized_kernel` is what acts.

    Args:
        *args: As for `keras.layers.Conv2D`: `filters`, `kernel_size`, `strides`,
            `padding`, ...
        epsilon: Positive number added to the std of a filter, default 1e-5.
        **kwargs: As for `keras.layers.Conv2D`.

    Raises:
        ValueError: If `epsilon` is not positive, or a filter has a single weight,
            which standardization would turn into 0.

    Example:
        >>> layer = WSConv2D(64, 3, padding="same", use_bias=False)
        >>> layer(keras.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 64)

    Reference:
        Qiao et al. 2019, Micro-Batch Training with Batch-Channel Normalization and
        Weight Standardization, arXiv 1903.10520. The published snippets differ in the
        deviation's denominator; this is the one divided by the count.
    """

    def __init__(self, *args: Any, epsilon: float = 1e-5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon = check_positive("epsilon", epsilon)

    def build(self, input_shape: tuple) -> None:
        """Create the kernel and the bias; refuse filters of one weight."""
        super().build(input_shape)
        standardize.check_fan_in(
            self, standardize.fan_in_of(self._kernel.shape, standardize.CONV_UNIT_AXES)
        )

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve (batch, height, width, channels) with the standardized kernel."""
        kernel = ops.cast(self.standardized_kernel(), self.compute_dtype)
        return super().convolution_op(inputs, kernel)

    def standardized_kernel(self) -> Any:
        """Return the kernel that acts, (height, width, channels, filters), float32."""
        return standardize.standardize(
            standardize.full_precision(self), standardize.CONV_UNIT_AXES, self.epsilon
        )

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Create a weight; the kernel is read in full precision."""
        return super().add_weight(*args, **standardize.uncast_kernel(kwargs))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "epsilon": self.epsilon}
