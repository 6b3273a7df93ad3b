"""Normalizer-free networks: NF-ResNets and the NFNets F0 to F5."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from kerasnorm.models import blocks
from kerasnorm.models.blocks import BlockSpec
from kerasnorm.models.conv_block import ConvBlockConfig, channel_axis, make_style
from kerasnorm.models.resnet import IMAGENET_DEPTHS, imagenet_stem
from kerasnorm.models.variance import ALPHA, ExpectedVariance

NF_RESNET_DEPTHS = {
    depth: IMAGENET_DEPTHS[depth] for depth in IMAGENET_DEPTHS if depth >= 50
}
NFNET_DROPOUT = {"F0": 0.2, "F1": 0.3, "F2": 0.4, "F3": 0.4, "F4": 0.5, "F5": 0.5}
NFNET_WIDTHS = (256, 512, 1536, 1536)
GROUP_SIZE = 128


@dataclasses.dataclass(frozen=True)
class Bottleneck:
    """What the blocks of one norm-free network have in common.

    Args:
        squeeze: Fraction of a block's channels that its inner convolutions see.
        inner: Number of 3x3 convolutions.
        group_size: Channels per group of the 3x3 convolutions, or None for one group.
        attention: Whether the branch ends in squeeze and excitation.
        pooled: Whether shortcuts average before they project.
        rescale: Whether stochastic depth makes up for the dropped fraction.
    """

    squeeze: float
    inner: int
    group_size: int | None
    attention: bool
    pooled: bool
    rescale: bool


NF_RESNET_BLOCK = Bottleneck(0.25, 1, None, attention=False, pooled=False, rescale=True)
NFNET_BLOCK = Bottleneck(0.5, 2, GROUP_SIZE, attention=True, pooled=True, rescale=False)


def nf_resnet(
    input_shape: tuple,
    num_classes: int,
    depth: int = 50,
    *,
    norm: str = "none",
    activation: str = "relu",
    stochastic_depth: float = 0.0,
    dropout: float = 0.0,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a pre-activation ResNet that keeps its variance without norms.

    Take it to train with tiny batches, or where training and validation must compute
    the same. It wants AGC, and stochastic depth or dropout in the place of the noise
    that batch normalization brings.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        depth: Number of weighted layers: 50, 101 or 152.
        norm: `"none"`, or a name that `kerasnorm.layers.make_norm` knows to put that
            norm in front of every activation and compare.
        activation: Name of a Keras activation.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
        norm_options: Keyword arguments for every norm layer.

    Returns:
        An uncompiled model from float32 images of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If the depth or the norm is unknown.

    Example:
        >>> model = nf_resnet((224, 224, 3), 1000, depth=50)

    Reference:
        Brock et al. 2021, https://arxiv.org/abs/2101.08692.
    """
    _check("depth", depth, NF_RESNET_DEPTHS)
    style = make_style(norm, activation, norm_options)
    images = keras.Input(input_shape, name="images")
    x = blocks.standardize_pixels(images)
    x = imagenet_stem(style, x, activate=False)
    places = blocks.block_specs(
        NF_RESNET_DEPTHS[depth], (256, 512, 1024, 2048), stochastic_depth
    )
    x = _stages(style, NF_RESNET_BLOCK, x, places)
    outputs = blocks.classify(x, num_classes, dropout)
    return keras.Model(images, outputs, name=f"nf_resnet{depth}")


def nfnet(
    input_shape: tuple,
    num_classes: int,
    variant: str = "F0",
    *,
    norm: str = "none",
    activation: str = "gelu",
    stochastic_depth: float = 0.25,
    dropout: float | None = None,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build one of the NFNets F0 to F5, 71 to 377 million parameters.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        variant: `"F0"` to `"F5"`.
        norm: As for `nf_resnet`.
        activation: Name of a Keras activation.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
            Default: the paper's for the variant, 0.2 to 0.5.
        norm_options: Keyword arguments for every norm layer.

    Returns:
        An uncompiled model from float32 images of (batch, height, width, channels)
        in 0..255 to float32 probabilities of (batch, num_classes).

    Raises:
        ValueError: If the variant or the norm is unknown.

    Example:
        >>> model = nfnet((192, 192, 3), 1000, "F0")

    Reference:
        Brock et al. 2021, https://arxiv.org/abs/2102.06171.
    """
    _check("variant", variant, NFNET_DROPOUT)
    style = make_style(norm, activation, norm_options)
    scale = int(variant[1:]) + 1
    depths = [scale * depth for depth in (1, 2, 6, 3)]
    images = keras.Input(input_shape, name="images")
    x = blocks.standardize_pixels(images)
    for index, (filters, strides) in enumerate([(16, 2), (32, 1), (64, 1)], start=1):
        x = style.convolve_normalize(x, filters, strides=strides, name=f"stem_{index}")
    x = style.convolve(x, 128, strides=2, name="stem_4_conv")
    x = _stages(
        style,
        NFNET_BLOCK,
        x,
        blocks.block_specs(depths, NFNET_WIDTHS, stochastic_depth),
    )
    if dropout is None:
        dropout = NFNET_DROPOUT[variant]
    outputs = blocks.classify(x, num_classes, dropout)
    return keras.Model(images, outputs, name=f"nfnet_{variant}")


def _check(argument: str, value: Any, known: Iterable):
    if value not in known:
        raise ValueError(
            f"Expected `{argument}` to be one of {', '.join(map(str, known))}. "
            f"Received: {argument}={value!r}."
        )


def _stages(
    style: ConvBlockConfig, design: Bottleneck, x: Any, places: Iterable[BlockSpec]
):
    variance = ExpectedVariance()
    for place in places:
        entry = style.normalize(x, scale=variance.beta, name=f"{place.name}_1_norm")
        shortcut = x
        if place.is_first:
            shortcut = _project(style, design, entry, place)
            variance.reset()
        branch = _branch(style, design, entry, place)
        x = style.add_branch(
            shortcut, branch, place, alpha=ALPHA, rescale=design.rescale
        )
        variance.grow()
    if design is NFNET_BLOCK:
        x = style.convolve(x, 2 * NFNET_WIDTHS[-1], 1, name="final_conv")
        return style.normalize(x, name="final_norm")
    return style.normalize(x, scale=variance.beta, name="final_norm")


def _project(style: ConvBlockConfig, design: Bottleneck, entry: Any, place: BlockSpec):
    strides = place.strides
    if design.pooled and strides > 1:
        entry, strides = blocks.average_pool(entry), 1
    return style.convolve(
        entry, place.filters, 1, strides=strides, name=f"{place.name}_shortcut_conv"
    )


def _branch(style: ConvBlockConfig, design: Bottleneck, x: Any, place: BlockSpec):
    name, inner = place.name, int(place.filters * design.squeeze)
    groups = inner // design.group_size if design.group_size else 1
    x = style.convolve(x, inner, 1, name=f"{name}_1_conv")
    for index in range(2, 2 + design.inner):
        x = style.normalize(x, name=f"{name}_{index}_norm")
        strides = place.strides if index == 2 else 1
        x = style.convolve(
            x, inner, 3, strides=strides, groups=groups, name=f"{name}_{index}_conv"
        )
    last = 2 + design.inner
    x = style.normalize(x, name=f"{name}_{last}_norm")
    x = style.convolve(x, place.filters, 1, silent=True, name=f"{name}_{last}_conv")
    return _squeeze_excite(x, name) if design.attention else x


def _squeeze_excite(x: Any, name: str):
    """Weigh each channel by twice a sigmoid of what the whole map holds."""
    axis = channel_axis()
    channels = x.shape[axis]
    weights = keras.layers.GlobalAveragePooling2D(name=f"{name}_squeeze")(x)
    weights = keras.layers.Dense(
        channels // 2, activation="relu", name=f"{name}_attend_1"
    )(weights)
    weights = keras.layers.Dense(
        channels, activation="sigmoid", name=f"{name}_attend_2"
    )(weights)
    # The sigmoid starts near 1/2; twice that leaves the signal's size alone.
    weights = keras.layers.Rescaling(2.0)(weights)
    shape = (1, 1, channels) if axis == -1 else (channels, 1, 1)
    weights = keras.layers.Reshape(shape)(weights)
    return keras.layers.Multiply(name=f"{name}_excite")([x, weights])
