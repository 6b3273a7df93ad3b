"""The pieces every network here is made of, in one style of normalization."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm import layers

# A rectifier is what the threshold of FilterResponseNorm starts as.
ABSORBED_BY_FRN = ("relu",)

BATCH_NORMS = ("batch", "sync_batch", "batch_renorm", "ghost_batch")


@dataclasses.dataclass(frozen=True)
class Style:
    """How a network normalizes and activates, handed from block to block.

    Args:
        norm: Name that `kerasnorm.layers.make_norm` knows. With `"none"` the
            convolutions standardize their weights, carry biases, and activations are
            scaled to keep the variance.
        activation: Name of a Keras activation.
        options: Keyword arguments for every norm layer, for example
            `{"momentum": 0.9}`.
    """

    norm: str = "batch"
    activation: str = "relu"
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def convolve(self, x, filters, kernel_size=3, *, strides=1, groups=1, name=None):
        """Apply a convolution with "same" padding, fit for the norm that follows.

        Args:
            x: Feature map of shape (batch, height, width, channels).
            filters: Number of output channels.
            kernel_size: Side of the kernel in pixels.
            strides: Step in pixels.
            groups: Number of channel groups convolved apart.
            name: Name of the layer.

        Returns:
            Feature map of shape (batch, height / strides, width / strides, filters).
        """
        shared = dict(strides=strides, padding="same", groups=groups, name=name)
        if self.norm == "none":
            return keras.layers.Conv2D(
                filters, kernel_size, kernel_initializer="lecun_normal", **shared
            )(x)
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            use_bias=False,
            kernel_initializer="he_normal",
            **shared,
        )(x)

    def normalize(self, x, *, activate=True, zero_gamma=False, name=None):
        """Normalize, and activate where asked.

        Args:
            x: Feature map of shape (batch, height, width, channels).
            activate: Whether the activation follows.
            zero_gamma: Whether the scale starts at 0, so that a residual branch
                starts silent.
            name: Name of the norm layer.

        Returns:
            Feature map of the same shape.
        """
        if self.norm != "none":
            options = dict(self.options)
            if zero_gamma:
                options["gamma_initializer"] = "zeros"
            if self.norm == "group" and not {"groups", "group_size"} & set(options):
                options["groups"] = layers.group_count(x.shape[channel_axis()])
            if self.norm == "frn":
                absorbed = activate and self.activation in ABSORBED_BY_FRN
                options.setdefault("tlu", absorbed)
                activate = activate and not absorbed
            options.setdefault("axis", channel_axis())
            x = layers.make_norm(self.norm, name=name, **options)(x)
        return self.activate(x) if activate else x

    def activate(self, x, *, scale=1.0, name=None):
        """Apply the activation; norm-free networks also restore unit variance.

        Args:
            x: Feature map of any shape.
            scale: Further constant factor of a norm-free network.
            name: Name of the activation layer.

        Returns:
            Feature map of the same shape.
        """
        x = keras.layers.Activation(self.activation, name=name)(x)
        if self.norm == "none":
            x = keras.layers.Rescaling(scale * activation_gain(self.activation))(x)
        return x


def channel_axis() -> int:
    """Return the axis of the channels in Keras' current image data format."""
    return -1 if keras.config.image_data_format() == "channels_last" else 1


def activation_gain(activation: str) -> float:
    """Return 1 / standard deviation of the activation of a standard normal number.

    Norm-free networks multiply by it to keep the variance of the signal at 1.

    Args:
        activation: Name of a Keras activation.

    Returns:
        The gain, for example 1.7129 for `"relu"`.

    Reference:
        Brock et al. 2021, https://arxiv.org/abs/2101.08692, section 4.
    """
    # Gauss-Hermite points would straddle the kink of a rectifier; a fine even grid
    # reaches 1e-6 for smooth and kinked activations alike.
    points = np.linspace(-12.0, 12.0, 48_001)
    density = (
        np.exp(-0.5 * points**2) / math.sqrt(2 * math.pi) * (points[1] - points[0])
    )
    values = keras.ops.convert_to_numpy(
        keras.activations.get(activation)(
            keras.ops.convert_to_tensor(points, dtype="float32")
        )
    ).astype("float64")
    mean = float(np.sum(values * density))
    variance = float(np.sum((values - mean) ** 2 * density))
    return 1.0 / math.sqrt(variance)


def standardize_pixels(pictures):
    """Bring pictures of 0..255 to about zero mean and unit variance.

    Args:
        pictures: Pictures of shape (batch, height, width, channels) in 0..255.

    Returns:
        The same shape, in -2..2.
    """
    # 64 is close to the standard deviation of the pixels of photos.
    return keras.layers.Rescaling(1 / 64, offset=-127.5 / 64, name="standardize")(
        pictures
    )


def average_pool(x):
    """Halve height and width by averages of 2 x 2 pixels.

    Args:
        x: Feature map of shape (batch, height, width, channels).

    Returns:
        Shape (batch, height / 2 rounded up, width / 2 rounded up, channels).
    """
    return keras.layers.AveragePooling2D(2, padding="same")(x)


def classify(x, num_classes, *, dropout=0.0):
    """Pool, drop out and classify; the probabilities are float32 in any policy.

    Args:
        x: Feature map of shape (batch, height, width, channels).
        num_classes: Number of classes; 1 gives one sigmoid unit.
        dropout: Share of the pooled features dropped in training, 0 to below 1.

    Returns:
        Probabilities of shape (batch, num_classes).
    """
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    # Small weights let the loss begin at chance whatever the features' scale.
    small = keras.initializers.RandomNormal(stddev=0.01)
    x = keras.layers.Dense(num_classes, kernel_initializer=small, name="classifier")(x)
    return keras.layers.Activation(
        "softmax" if num_classes > 1 else "sigmoid",
        dtype="float32",
        name="probabilities",
    )(x)


def with_momentum(norm, options, momentum=0.9):
    """Return the norm options with a default momentum for batch normalization.

    Args:
        norm: Name of the norm.
        options: Options given by the caller, or None.
        momentum: Share of the old moving statistics kept at each step, 0 to 1.

    Returns:
        A new dictionary.
    """
    default = {"momentum": momentum} if norm in BATCH_NORMS else {}
    return {**default, **(options or {})}
