"""Convolutions with standardized kernels that keep the variance of their input."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import check_positive
from kerasnorm.layers.convolutions import standardize
from kerasnorm.registration import register


@register
class ScaledWSConv2D(keras.layers.Conv2D):
    """Convolve with a kernel scaled to keep the variance, for networks without norms.

    Standardizes each filter, divides by the root of its fan-in and multiplies by the
    learned weight `gain`, one number per filter. Together with activations scaled to
    unit variance and adaptive gradient clipping it stands in for batch
    normalization.

    Training and inference compute the same; the raw kernel is what is trained and
    saved, `standardized_kernel` is what acts.

    Args:
        *args: As for `keras.layers.Conv2D`: `filters`, `kernel_size`, `strides`,
            `padding`, ...
        epsilon: Positive lower bound of variance times fan-in, default 1e-4.
        gain_initializer: Initializer of `gain`, default ones.
        **kwargs: As for `keras.layers.Conv2D`.

    Raises:
        ValueError: If `epsilon` is not positive, or a filter has a single weight,
            which standardization would turn into 0.

    Example:
        >>> layer = ScaledWSConv2D(64, 3, padding="same")
        >>> layer(keras.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 64)

    Reference:
        Brock et al. 2021, Characterizing Signal Propagation to Close the Performance
        Gap in Unnormalized ResNets, arXiv 2101.08692.
    """

    lora_rank: int | None

    def __init__(
        self,
        *args: Any,
        epsilon: float = 1e-4,
        gain_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon = check_positive("epsilon", epsilon)
        self.gain_initializer = keras.initializers.get(gain_initializer)

    def build(self, input_shape: tuple) -> None:
        """Create kernel, bias and gain; refuse filters of one weight."""
        # After `enable_lora` a layer takes no further weights.
        rank = self.lora_rank
        self.lora_rank = None
        super().build(input_shape)
        standardize.check_fan_in(
            self, standardize.fan_in_of(self._kernel.shape, standardize.CONV_UNIT_AXES)
        )
        self.gain = self.add_weight(
            name="gain",
            shape=(self.filters,),
            initializer=self.gain_initializer,
            autocast=False,
        )
        if rank is not None:
            self.enable_lora(rank, lora_alpha=self.lora_alpha)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve (batch, height, width, channels) with the standardized kernel."""
        kernel = ops.cast(self.standardized_kernel(), self.compute_dtype)
        return super().convolution_op(inputs, kernel)

    def standardized_kernel(self) -> Any:
        """Return the kernel that acts, (height, width, channels, filters), float32."""
        kernel = standardize.full_precision(self)
        return standardize.standardize_scaled(
            kernel, self.gain, standardize.CONV_UNIT_AXES, self.epsilon
        )

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Create a weight; the kernel is read in full precision."""
        return super().add_weight(*args, **standardize.uncast_kernel(kwargs))

    def save_own_variables(self, store: Any) -> None:
        """Save kernel, bias and gain; the base class knows the first two only."""
        super().save_own_variables(store)
        if self.built:
            store["gain"] = self.gain

    def load_own_variables(self, store: Any) -> None:
        """Load kernel, bias and gain."""
        super().load_own_variables(store)
        if self.built:
            self.gain.assign(store["gain"])

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "gain_initializer": keras.initializers.serialize(self.gain_initializer),
        }


@register
class ScaledWSDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """Convolve each channel with its own kernels, scaled to keep the variance.

    The depthwise sister of `ScaledWSConv2D`: a filter is one (channel, multiplier)
    pair, its fan-in is the kernel's area, and `gain` has one number per output
    channel, (channels * depth_multiplier,).

    Args:
        *args: As for `keras.layers.DepthwiseConv2D`: `kernel_size`, `strides`, ...
        epsilon: Positive lower bound of variance times fan-in, default 1e-4.
        gain_initializer: Initializer of `gain`, default ones.
        **kwargs: As for `keras.layers.DepthwiseConv2D`.

    Raises:
        ValueError: If `epsilon` is not positive, or the kernel is 1x1, which
            standardization would turn into 0.

    Example:
        >>> layer = ScaledWSDepthwiseConv2D(3, padding="same")
        >>> layer(keras.ops.ones((2, 8, 8, 16))).shape
        (2, 8, 8, 16)

    Reference:
        Brock et al. 2021, arXiv 2101.08692, applied per depthwise filter.
    """

    def __init__(
        self,
        *args: Any,
        epsilon: float = 1e-4,
        gain_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.epsilon = check_positive("epsilon", epsilon)
        self.gain_initializer = keras.initializers.get(gain_initializer)

    def build(self, input_shape: tuple) -> None:
        """Create kernel, bias and gain; refuse filters of one weight."""
        super().build(input_shape)
        standardize.check_fan_in(
            self,
            standardize.fan_in_of(self.kernel.shape, standardize.DEPTHWISE_UNIT_AXES),
        )
        self.gain = self.add_weight(
            name="gain",
            shape=(self.kernel.shape[2] * self.kernel.shape[3],),
            initializer=self.gain_initializer,
            autocast=False,
        )

    def call(self, inputs: Any) -> Any:
        """Convolve (batch, height, width, channels) with the standardized kernel."""
        outputs = ops.depthwise_conv(
            # `stateless_call` on JAX hands on what it was given.
            ops.cast(inputs, self.compute_dtype),
            ops.cast(self.standardized_kernel(), self.compute_dtype),
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        if self.use_bias:
            shape = [1, 1, 1, 1]
            shape[-1 if self.data_format == "channels_last" else 1] = -1
            outputs = outputs + ops.reshape(self.bias, shape)
        return outputs if self.activation is None else self.activation(outputs)

    def standardized_kernel(self) -> Any:
        """Return the kernel that acts, (height, width, channels, multiplier)."""
        gain = ops.reshape(self.gain, self.kernel.shape[2:])
        kernel = standardize.full_precision(self)
        return standardize.standardize_scaled(
            kernel, gain, standardize.DEPTHWISE_UNIT_AXES, self.epsilon
        )

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Create a weight; the kernel is read in full precision."""
        return super().add_weight(*args, **standardize.uncast_kernel(kwargs))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "epsilon": self.epsilon,
            "gain_initializer": keras.initializers.serialize(self.gain_initializer),
        }
