"""A small residual network for two CPU cores, the default of the apps."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnorm.models import blocks, norm_free


def convnet(
    input_shape: tuple,
    num_classes: int,
    *,
    norm: str = "batch",
    activation: str = "relu",
    width: int = 40,
    depths: Sequence[int] = (1, 1, 1),
    dropout: float = 0.2,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a residual network that trains in minutes on a CPU.

    A strided stem keeps the first stage small; every further stage halves the map and
    doubles the channels, so that all stages cost about the same. Use it for pictures
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
        dropout: Share of the pooled features dropped in training, 0 to below 1.
        norm_options: Keyword arguments for every norm layer. Batch normalization gets
            `momentum=0.9` unless it is given here, because small data sets have few
            steps per epoch.

    Returns:
        An uncompiled model from float32 pictures of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If the norm or the activation is unknown.

    Example:
        >>> model = convnet((80, 80, 3), 2, norm="group")
        >>> model.compile("adamw", "sparse_categorical_crossentropy", ["accuracy"])
    """
    style = blocks.Style(norm, activation, blocks.with_momentum(norm, norm_options))
    pictures = keras.Input(input_shape, name="pictures")
    x = blocks.standardize_pixels(pictures)
    x = style.convolve(x, width, strides=2, name="stem_conv")
    if norm == "none":
        x = _norm_free_stages(style, x, width, depths)
    else:
        x = style.normalize(x, name="stem_norm")
        x = _stages(style, x, width, depths)
    outputs = blocks.classify(x, num_classes, dropout=dropout)
    return keras.Model(pictures, outputs, name="convnet")


def _stages(style, x, width, depths):
    for stage, depth in enumerate(depths):
        for index in range(depth):
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index + 1}"
            x = _block(style, x, width * 2**stage, strides, name)
    return x


def _block(style, x, filters, strides, name):
    shortcut = x
    if strides > 1 or x.shape[blocks.channel_axis()] != filters:
        if strides > 1:
            shortcut = blocks.average_pool(shortcut)
        shortcut = style.convolve(shortcut, filters, 1, name=f"{name}_shortcut_conv")
        shortcut = style.normalize(
            shortcut, activate=False, name=f"{name}_shortcut_norm"
        )
    x = style.convolve(x, filters, strides=strides, name=f"{name}_conv1")
    x = style.normalize(x, name=f"{name}_norm1")
    x = style.convolve(x, filters, name=f"{name}_conv2")
    x = style.normalize(x, activate=False, zero_gamma=True, name=f"{name}_norm2")
    x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
    return style.activate(x, name=f"{name}_out")


def _norm_free_stages(style, x, width, depths):
    variance = norm_free.ExpectedVariance()
    for stage, depth in enumerate(depths):
        for index in range(depth):
            filters = width * 2**stage
            strides = 2 if stage > 0 and index == 0 else 1
            name = f"stage{stage + 1}_block{index + 1}"
            entry = style.activate(x, scale=variance.beta, name=f"{name}_act1")
            shortcut = x
            if index == 0:
                shortcut = norm_free.transition(style, entry, filters, strides, name)
                variance.reset()
            x = style.convolve(entry, filters, strides=strides, name=f"{name}_conv1")
            x = style.activate(x, name=f"{name}_act2")
            x = style.convolve(x, filters, name=f"{name}_conv2")
            x = norm_free.add_branch(shortcut, x, name=name)
            variance.grow()
    return style.activate(x, scale=variance.beta, name="final_act")
