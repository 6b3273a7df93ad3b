"""Res2Net: bottlenecks that see several scales inside one block."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm.models import blocks
from kerasnorm.models.blocks import BlockSpec
from kerasnorm.models.conv_block import ConvBlockConfig, channel_axis, make_style
from kerasnorm.models.resnet import EXPANSION, IMAGENET_DEPTHS, imagenet_stem

DEPTHS = {depth: IMAGENET_DEPTHS[depth] for depth in (50, 101, 152)}


def res2net(
    input_shape: tuple,
    num_classes: int,
    depth: int = 50,
    *,
    scale: int = 4,
    base_width: int = 26,
    norm: str = "batch",
    activation: str = "relu",
    zero_gamma: bool = True,
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a residual network whose 3x3 convolutions hand on their results.

    A block splits its channels; each split is added to the result of the one before
    and convolved, so that one block sees 1x1 up to several 3x3 in a row.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        depth: Number of weighted layers: 50, 101 or 152.
        scale: Number of splits, at least 1; 1 is a ResNet.
        base_width: Channels of a split in the first stage.
        norm: Name that `kerasnorm.layers.make_norm` knows.
        activation: Name of a Keras activation.
        zero_gamma: Whether residual branches start silent.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
        norm_options: Keyword arguments for every norm layer. Batch normalization gets
            `momentum=0.9` unless it is given here.

    Returns:
        An uncompiled model from float32 images of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If depth, scale or norm are out of range.

    Example:
        >>> model = res2net((224, 224, 3), 1000, depth=50)

    Reference:
        Gao et al. 2019, https://arxiv.org/abs/1904.01169. The average of the split
        that is passed through leaves out the pixels beyond the border.
    """
    if depth not in DEPTHS:
        raise ValueError(
            f"Expected `depth` to be one of {', '.join(map(str, DEPTHS))}. "
            f"Received: depth={depth!r}."
        )
    if scale < 1 or base_width < 1:
        raise ValueError(
            "Expected `scale` and `base_width` to be at least 1. "
            f"Received: scale={scale!r}, base_width={base_width!r}."
        )
    style = make_style(norm, activation, norm_options)
    images = keras.Input(input_shape, name="images")
    x = imagenet_stem(style, blocks.standardize_pixels(images))
    for place in blocks.block_specs(
        DEPTHS[depth], (64, 128, 256, 512), stochastic_depth
    ):
        width = place.filters * base_width // 64
        x = _block(style, x, place, scale, width, zero_gamma)
    outputs = blocks.classify(x, num_classes, dropout)
    return keras.Model(images, outputs, name=f"res2net{depth}_{base_width}w_{scale}s")


def _block(
    style: ConvBlockConfig,
    x: Any,
    place: BlockSpec,
    scale: int,
    width: int,
    zero_gamma: bool,
):
    name, filters = place.name, place.filters * EXPANSION
    shortcut = x
    if place.is_first:
        shortcut = style.convolve_normalize(
            shortcut,
            filters,
            1,
            strides=place.strides,
            name=f"{name}_shortcut",
            activate=False,
        )
    x = style.convolve_normalize(x, width * scale, 1, name=f"{name}_1")
    x = _scales(style, x, place, scale, width)
    x = style.convolve_normalize(
        x, filters, 1, name=f"{name}_3", activate=False, zero_gamma=zero_gamma
    )
    x = style.add_branch(shortcut, x, place)
    return style.activate_sum(x, fresh=place.is_first, name=f"{name}_out")


def _scales(style: ConvBlockConfig, x: Any, place: BlockSpec, scale: int, width: int):
    options: dict[str, Any] = {"strides": place.strides}
    if scale == 1:
        return style.convolve_normalize(x, width, name=f"{place.name}_2", **options)
    axis = channel_axis()
    passed, *splits = keras.ops.split(x, scale, axis=axis)
    if place.is_first:
        passed = keras.layers.AveragePooling2D(3, padding="same", **options)(passed)
    results = [passed]
    for index, split in enumerate(splits):
        # The map changes size in a stage's first block, so its splits stay apart.
        if index > 0 and not place.is_first:
            split = keras.layers.Add()([split, results[-1]])
        results.append(
            style.convolve_normalize(
                split, width, name=f"{place.name}_2_{index + 1}", **options
            )
        )
    return keras.layers.Concatenate(axis=axis)(results)
