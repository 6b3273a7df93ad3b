"""A small residual network for two CPU cores, the default of the apps."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnorm.models import blocks
from kerasnorm.models.conv_block import channel_axis, make_style
from kerasnorm.models.variance import ALPHA, ExpectedVariance


def convnet(
    input_shape: tuple,
    num_classes: int,
    *,
    norm: str = "batch",
    activation: str = "relu",
    width: int = 32,
    depths: Sequence[int] = (1, 1, 1, 1),
    stem_strides: int = 2,
    dropout: float = 0.2,
    asymmetric: bool = False,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a residual network that trains in minutes on a CPU.

    A strided stem keeps the first stage small; every further stage halves the map and
    doubles the channels, so that all stages cost about the same. Use it for images
    of 32 to 160 pixels; for larger ones `resnet` brings a deeper stem.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        norm: Name that `kerasnorm.layers.make_norm` knows. `"frn"` absorbs a `"relu"`
            into its threshold; `"none"` is a norm-free network of standardized weights
            whose residual branches start silent, to be trained with AGC.
        activation: Name of a Keras activation.
        width: Channels of the first stage.
        depths: Number of residual blocks in each stage.
        stem_strides: What the stem divides height and width by: 2, or 4 with a second
            convolution, which makes a wider network affordable for images of 64
            pixels and more.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
        asymmetric: Whether the convolutions are `AsymmetricConv2D`, which
            `surgery.fuse_asymmetric` makes plain after training.
        norm_options: Keyword arguments for every norm layer. Batch normalization gets
            `momentum=0.9` unless it is given here, because small data sets have few
            steps per epoch.

    Returns:
        An uncompiled model from float32 images of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If the norm or the activation is unknown, or `asymmetric` meets
            another norm than batch normalization, or `stem_strides` is neither 2
            nor 4.

    Example:
        >>> model = convnet((80, 80, 3), 2, norm="group")
        >>> model.compile("adamw", "sparse_categorical_crossentropy", ["accuracy"])
    """
    if stem_strides not in (2, 4):
        raise ValueError(
            f"Expected `stem_strides` to be 2 or 4. Received: {stem_strides!r}."
        )
    style = make_style(norm, activation, norm_options, asymmetric=asymmetric)
    widths = [width * 2**stage for stage in range(len(depths))]
    places = blocks.block_specs(depths, widths)
    images = keras.Input(input_shape, name="images")
    x = blocks.standardize_pixels(images)
    if stem_strides == 4:
        x = style.convolve_normalize(x, width // 2, strides=2, name="stem_entry")
    if style.is_norm_free:
        x = style.convolve(x, width, strides=2, name="stem_conv")
        x = _norm_free_stages(style, x, places)
    else:
        x = style.convolve_normalize(x, width, strides=2, name="stem")
        for place in places:
            x = _block(style, x, place)
    outputs = blocks.classify(x, num_classes, dropout)
    return keras.Model(images, outputs, name="convnet")


def _block(style, x, place):
    shortcut, name, filters = x, place.name, place.filters
    if place.strides > 1 or x.shape[channel_axis()] != filters:
        if place.strides > 1:
            shortcut = blocks.average_pool(shortcut)
        shortcut = style.convolve_normalize(
            shortcut, filters, 1, name=f"{name}_shortcut", activate=False
        )
    x = style.convolve_normalize(x, filters, strides=place.strides, name=f"{name}_1")
    x = style.convolve_normalize(
        x, filters, name=f"{name}_2", activate=False, zero_gamma=True
    )
    x = style.add_branch(shortcut, x, place)
    return style.activate(x, name=f"{name}_out")


def _norm_free_stages(style, x, places):
    variance = ExpectedVariance()
    for place in places:
        name = place.name
        entry = style.activate(x, scale=variance.beta, name=f"{name}_entry")
        shortcut = x
        if place.is_first:
            pooled = blocks.average_pool(entry) if place.strides > 1 else entry
            shortcut = style.convolve(
                pooled, place.filters, 1, name=f"{name}_shortcut_conv"
            )
            variance.reset()
        x = style.convolve(
            entry, place.filters, strides=place.strides, name=f"{name}_1_conv"
        )
        x = style.activate(x)
        x = style.convolve(x, place.filters, name=f"{name}_2_conv")
        x = style.add_branch(shortcut, x, place, alpha=ALPHA)
        variance.grow()
    return style.activate(x, scale=variance.beta, name="final")
