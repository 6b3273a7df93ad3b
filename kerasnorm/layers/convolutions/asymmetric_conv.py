"""Asymmetric convolution: a square kernel strengthened along its cross."""

from typing import Any

import keras
from keras import ops

from kerasnorm.layers.checks import check_count
from kerasnorm.registration import register


@register
class AsymmetricConv2D(keras.layers.Layer):
    """Add up a k x k, a 1 x k and a k x 1 convolution, each with its batch norm.

    In inference the three are one k x k convolution, and
    `kerasnorm.surgery.fuse_asymmetric` makes it one: better filters in training at no
    cost afterwards. The cross branches see exactly the middle row and the middle
    column of the square kernel's windows, at any stride and size, and so the fused
    layer is an ordinary `Conv2D` with the same `strides` and `padding`.

    Training normalizes each branch with the statistics of the batch, inference with
    moving ones; both are saved.

    Args:
        filters: Number of output channels.
        kernel_size: Odd height and width of the square kernel, default 3.
        strides: Stride, one integer or a pair, default 1.
        padding: `"same"` (default) or `"valid"`, as for `keras.layers.Conv2D`.
        groups: Number of groups of channels convolved apart, default 1.
        data_format: `"channels_last"` or `"channels_first"`; default from Keras.
        dilation_rate: Dilation, one integer or a pair, default 1.
        activation: Activation after the sum, default none.
        kernel_initializer: Initializer of the three kernels.
        kernel_regularizer: Regularizer of the three kernels.
        gamma_initializer: Initializer of the three norms' scale; the authors also use
            1/3, so that the sum starts with the variance of one branch.
        momentum: Momentum of the three batch norms, default 0.99.
        epsilon: Epsilon of the three batch norms, default 1e-3.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `kernel_size` is even, which has no middle, or not square.

    Example:
        >>> layer = AsymmetricConv2D(64, 3, strides=2, activation="relu")
        >>> layer(keras.ops.ones((2, 32, 32, 16))).shape
        (2, 16, 16, 64)

    Reference:
        Ding et al. 2019, ACNet: Strengthening the Kernel Skeletons for Powerful CNN
        via Asymmetric Convolution Blocks, arXiv 1908.03930.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        groups: int = 1,
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = 1,
        activation: Any = None,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        gamma_initializer: Any = "ones",
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = check_count("filters", filters)
        self.kernel_size = _odd_square(kernel_size)
        self.strides = _pair("strides", strides)
        self.padding = _known_padding(padding)
        self.groups = check_count("groups", groups)
        self.data_format = keras.config.image_data_format()
        if data_format is not None:
            self.data_format = data_format
        self.dilation_rate = _pair("dilation_rate", dilation_rate)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.momentum = momentum
        self.epsilon = epsilon
        size, (down, across) = self.kernel_size[0], self.strides
        self.square = self._conv("square", (size, size), self.strides)
        # The cross branches get the rows or columns that the square kernel's windows
        # are centred on, and so have nothing left to stride over on that axis.
        self.horizontal = self._conv("horizontal", (1, size), (1, across))
        self.vertical = self._conv("vertical", (size, 1), (down, 1))
        self.square_norm = self._norm("square_norm")
        self.horizontal_norm = self._norm("horizontal_norm")
        self.vertical_norm = self._norm("vertical_norm")

    @property
    def branches(self) -> tuple:
        """The pairs (convolution, norm) of the square, horizontal, vertical branch."""
        return (
            (self.square, self.square_norm),
            (self.horizontal, self.horizontal_norm),
            (self.vertical, self.vertical_norm),
        )

    def build(self, input_shape: tuple) -> None:
        """Create the weights of the three branches."""
        outputs = self.compute_output_shape(input_shape)
        for conv, norm in self.branches:
            conv.build(input_shape)
            norm.build(outputs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Convolve `inputs`, of shape (batch, height, width, channels)."""
        rows = self._centers(inputs, 0)
        columns = self._centers(inputs, 1)
        outputs = self.square_norm(self.square(inputs), training=training)
        outputs += self.horizontal_norm(self.horizontal(rows), training=training)
        outputs += self.vertical_norm(self.vertical(columns), training=training)
        return outputs if self.activation is None else self.activation(outputs)

    def _centers(self, inputs: Any, direction: int) -> Any:
        """Keep the rows (0) or columns (1) that the square windows are centred on."""
        axis = direction + (1 if self.data_format == "channels_last" else 2)
        size = ops.shape(inputs)[axis]
        stride = self.strides[direction]
        span = (self.kernel_size[direction] - 1) * self.dilation_rate[direction] + 1
        if self.padding == "valid":
            first, last = span // 2, size - span // 2
        else:
            padded = ((size + stride - 1) // stride - 1) * stride + span - size
            most = max if isinstance(size, int) else ops.maximum
            first, last = span // 2 - most(padded, 0) // 2, size
        index = [slice(None)] * 4
        index[axis] = slice(first, last, stride)
        return inputs[tuple(index)]

    def _conv(self, name: str, kernel_size: tuple, strides: tuple) -> Any:
        return keras.layers.Conv2D(
            self.filters,
            kernel_size,
            strides,
            self.padding,
            groups=self.groups,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
            use_bias=False,
            # An initializer draws the same numbers each time; a copy draws others.
            kernel_initializer=keras.initializers.deserialize(
                keras.initializers.serialize(self.kernel_initializer)
            ),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name: str) -> Any:
        return keras.layers.BatchNormalization(
            axis=-1 if self.data_format == "channels_last" else 1,
            momentum=self.momentum,
            epsilon=self.epsilon,
            gamma_initializer=self.gamma_initializer,
            dtype=self.dtype_policy,
            name=name,
        )

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return the shape that a plain `Conv2D` gives."""
        return self.square.compute_output_shape(input_shape)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "groups": self.groups,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }


def _pair(name: str, value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2:
        raise ValueError(
            f"Expected `{name}` to be one integer or a pair. Received: {value!r}."
        )
    return check_count(name, pair[0]), check_count(name, pair[1])


def _odd_square(kernel_size: Any) -> tuple[int, int]:
    height, width = _pair("kernel_size", kernel_size)
    if height != width or height % 2 == 0:
        raise ValueError(
            "Expected `kernel_size` to be odd and square, such as 3 or 5, because the "
            "cross branches lie on its middle row and column. "
            f"Received: kernel_size={kernel_size!r}."
        )
    return height, width


def _known_padding(padding: Any) -> str:
    if padding not in ("same", "valid"):
        raise ValueError(
            "Expected `padding` to be 'same' or 'valid'. "
            f"Received: padding={padding!r}."
        )
    return padding
