"""Residual networks for CIFAR and ImageNet, with the norm as an argument."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm.models import blocks
from kerasnorm.models.blocks import BlockSpec
from kerasnorm.models.conv_block import ConvBlockConfig, channel_axis, make_style

IMAGENET_DEPTHS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
CIFAR_DEPTHS = (8, 14, 20, 32, 44, 56, 110)
EXPANSION = 4
VARIANTS = ("A", "B", "C", "D")


@dataclasses.dataclass(frozen=True)
class Design:
    """What the blocks of one network have in common.

    Args:
        style: Norm and activation.
        variant: `"A"` to `"D"`.
        bottleneck: Whether a block squeezes its channels between 1x1 convolutions.
        preactivation: Whether norm and activation stand before the convolutions.
        zero_gamma: Whether residual branches start silent.
    """

    style: ConvBlockConfig
    variant: str
    bottleneck: bool
    preactivation: bool
    zero_gamma: bool


def resnet(
    input_shape: tuple,
    num_classes: int,
    depth: int = 50,
    *,
    version: int = 1,
    variant: str = "B",
    norm: str = "batch",
    activation: str = "relu",
    zero_gamma: bool = True,
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    asymmetric: bool = False,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a residual network for images of CIFAR's or ImageNet's size.

    Take depth 8 to 110 for images of 32 pixels, 18 to 152 for 128 pixels and more.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        depth: Number of weighted layers: 8, 14, 20, 32, 44, 56 or 110 for CIFAR, 18,
            34, 50, 101 or 152 for ImageNet.
        version: 1, or 2 for norm and activation before each convolution.
        variant: Only for ImageNet depths. `"A"`: as first published; `"B"`: the
            stride of a bottleneck moves to its 3x3 convolution; `"C"`: B and three
            small convolutions as stem; `"D"`: C and shortcuts that average before
            they project.
        norm: Name that `kerasnorm.layers.make_norm` knows.
        activation: Name of a Keras activation.
        zero_gamma: Whether residual branches start silent: the last norm's scale
            starts at 0, or in version 2 the last kernel does. Norm-free networks
            always start so.
        stochastic_depth: Drop rate of the last block's branch, 0 to below 1; earlier
            blocks drop linearly less.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
        asymmetric: Whether convolutions larger than 1x1 are `AsymmetricConv2D`, which
            `surgery.fuse_asymmetric` makes plain after training.
        norm_options: Keyword arguments for every norm layer. Batch normalization gets
            `momentum=0.9` unless it is given here.

    Returns:
        An uncompiled model from float32 images of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If depth, version, variant or norm are unknown.

    Example:
        >>> model = resnet((32, 32, 3), 10, depth=20, version=2, norm="group")

    Reference:
        He et al. 2015, https://arxiv.org/abs/1512.03385 (version 1); He et al. 2016,
        https://arxiv.org/abs/1603.05027 (version 2); He et al. 2018,
        https://arxiv.org/abs/1812.01187 (B, C, D, zero gamma). The CIFAR networks
        project where the first paper pads with zero channels.
    """
    _check(depth, version, variant)
    design = Design(
        style=make_style(norm, activation, norm_options, asymmetric=asymmetric),
        variant=variant if depth in IMAGENET_DEPTHS else "B",
        bottleneck=depth >= 50 and depth in IMAGENET_DEPTHS,
        preactivation=version == 2,
        zero_gamma=zero_gamma,
    )
    images = keras.Input(input_shape, name="images")
    x = _stem(design, blocks.standardize_pixels(images), depth)
    block = _preactivation_block if design.preactivation else _block
    depths, widths = _stages(depth)
    for place in blocks.block_specs(depths, widths, stochastic_depth):
        x = block(design, x, place)
    if design.preactivation:
        x = design.style.normalize(x, name="final_norm")
    outputs = blocks.classify(x, num_classes, dropout)
    return keras.Model(images, outputs, name=f"resnet{depth}_v{version}")


def imagenet_stem(
    style: ConvBlockConfig, x: Any, *, deep: bool = False, activate: bool = True
):
    """Reduce images to a quarter of their size and 64 channels.

    Args:
        style: Norm and activation.
        x: Images of shape (batch, height, width, channels).
        deep: Whether three 3x3 convolutions stand for one of 7x7.
        activate: Whether norm and activation follow the last convolution.

    Returns:
        Feature map of shape (batch, height / 4, width / 4, 64).
    """
    if deep:
        x = style.convolve_normalize(x, 32, strides=2, name="stem_1")
        x = style.convolve_normalize(x, 32, name="stem_2")
    size, strides = (3, 1) if deep else (7, 2)
    if activate:
        x = style.convolve_normalize(x, 64, size, strides=strides, name="stem")
    else:
        x = style.convolve(x, 64, size, strides=strides, name="stem_conv")
    return keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)


def _check(depth: int, version: int, variant: str):
    known = (*CIFAR_DEPTHS, *IMAGENET_DEPTHS)
    if depth not in known:
        raise ValueError(
            f"Expected `depth` to be one of {', '.join(map(str, sorted(known)))}. "
            f"Received: depth={depth!r}."
        )
    if version not in (1, 2):
        raise ValueError(f"Expected `version` to be 1 or 2. Received: {version!r}.")
    if variant not in VARIANTS:
        raise ValueError(
            f"Expected `variant` to be one of {', '.join(VARIANTS)}. "
            f"Received: variant={variant!r}."
        )


def _stages(depth: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the number of blocks and of channels of each stage."""
    if depth in IMAGENET_DEPTHS:
        return IMAGENET_DEPTHS[depth], (64, 128, 256, 512)
    return ((depth - 2) // 6,) * 3, (16, 32, 64)


def _stem(design: Design, x: Any, depth: int):
    style, activate = design.style, not design.preactivation
    if depth in IMAGENET_DEPTHS:
        deep = design.variant in ("C", "D")
        return imagenet_stem(style, x, deep=deep, activate=activate)
    if activate:
        return style.convolve_normalize(x, 16, name="stem")
    return style.convolve(x, 16, name="stem_conv")


def _branch_plan(design: Design, place: BlockSpec):
    """List (filters, kernel size, strides) of the convolutions of a branch."""
    filters, strides = place.filters, place.strides
    if not design.bottleneck:
        return [(filters, 3, strides), (filters, 3, 1)]
    first, second = (strides, 1) if design.variant == "A" else (1, strides)
    return [(filters, 1, first), (filters, 3, second), (filters * EXPANSION, 1, 1)]


def _needs_projection(x: Any, filters: int, strides: int):
    return strides > 1 or x.shape[channel_axis()] != filters


def _block(design: Design, x: Any, place: BlockSpec):
    style, name = design.style, place.name
    *inner, last = _branch_plan(design, place)
    shortcut = x
    projected = _needs_projection(x, last[0], place.strides)
    if projected:
        strides = place.strides
        if design.variant == "D" and strides > 1:
            shortcut, strides = blocks.average_pool(shortcut), 1
        shortcut = style.convolve_normalize(
            shortcut,
            last[0],
            1,
            strides=strides,
            name=f"{name}_shortcut",
            activate=False,
        )
    for index, (filters, size, strides) in enumerate(inner, start=1):
        x = style.convolve_normalize(
            x, filters, size, strides=strides, name=f"{name}_{index}"
        )
    x = style.convolve_normalize(
        x,
        last[0],
        last[1],
        name=f"{name}_{len(inner) + 1}",
        activate=False,
        zero_gamma=design.zero_gamma,
    )
    x = style.add_branch(shortcut, x, place)
    return style.activate_sum(x, fresh=projected, name=f"{name}_out")


def _preactivation_block(design: Design, x: Any, place: BlockSpec):
    style, name = design.style, place.name
    *inner, last = _branch_plan(design, place)
    entry = style.normalize(x, name=f"{name}_1_norm")
    shortcut = x
    if _needs_projection(x, last[0], place.strides):
        shortcut, strides = entry, place.strides
        if design.variant == "D" and strides > 1:
            shortcut, strides = blocks.average_pool(shortcut), 1
        shortcut = style.convolve(
            shortcut, last[0], 1, strides=strides, name=f"{name}_shortcut_conv"
        )
    x = entry
    for index, (filters, size, strides) in enumerate(inner, start=1):
        x = style.convolve(
            x, filters, size, strides=strides, name=f"{name}_{index}_conv"
        )
        x = style.normalize(x, name=f"{name}_{index + 1}_norm")
    x = style.convolve(
        x,
        last[0],
        last[1],
        silent=design.zero_gamma,
        name=f"{name}_{len(inner) + 1}_conv",
    )
    return style.add_branch(shortcut, x, place)
