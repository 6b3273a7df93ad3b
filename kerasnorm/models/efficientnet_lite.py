"""EfficientNet-Lite 0 to 4: the EfficientNets without squeeze-and-excitation."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm import layers
from kerasnorm.inspection import layer_tree
from kerasnorm.models import blocks
from kerasnorm.models.backbone import unfreeze
from kerasnorm.models.blocks import BlockSpec
from kerasnorm.models.conv_block import ConvBlockConfig, channel_axis, make_style
from kerasnorm.models.weights import published, transfer
from kerasnorm.models.weights.efficientnet_lite_names import layer_numbers
from kerasnorm.norm_kinds import find_kind

PRETRAINED = "pretrained"
STEM_FILTERS = 32
HEAD_FILTERS = 1280
# Channels are multiples of it.
DIVISOR = 8
# What the published networks subtract from pixels of 0..255, and divide by.
PIXEL_MEAN = 127.0
PIXEL_SCALE = 128.0


@dataclasses.dataclass(frozen=True)
class Variant:
    """How one variant differs from the smallest, and the images it was made for.

    Args:
        width: Factor of the channels.
        depth: Factor of the blocks of a stage.
        image_size: Side of the images, in pixels.
        dropout: Fraction of the pooled features dropped in training.
    """

    width: float
    depth: float
    image_size: int
    dropout: float


@dataclasses.dataclass(frozen=True)
class Stage:
    """Blocks of one stage.

    Args:
        kernel_size: Side of the depthwise kernels, in pixels.
        blocks: Number of blocks of the smallest variant.
        filters: Output channels of the smallest variant.
        strides: Step of the first block, in pixels.
        expansion: Factor of the channels inside a block.
    """

    kernel_size: int
    blocks: int
    filters: int
    strides: int
    expansion: int = 6


VARIANTS = (
    Variant(1.0, 1.0, 224, 0.2),
    Variant(1.0, 1.1, 240, 0.2),
    Variant(1.1, 1.2, 260, 0.3),
    Variant(1.2, 1.4, 280, 0.3),
    Variant(1.4, 1.8, 300, 0.3),
)
STAGES = (
    Stage(3, 1, 16, 1, expansion=1),
    Stage(3, 2, 24, 2),
    Stage(5, 2, 40, 2),
    Stage(3, 3, 80, 2),
    Stage(5, 3, 112, 1),
    Stage(5, 4, 192, 2),
    Stage(3, 1, 320, 1),
)


def efficientnet_lite(
    input_shape: tuple,
    num_classes: int,
    variant: int = 0,
    *,
    norm: str = "batch",
    weights: str | os.PathLike | None = None,
    frozen: bool = False,
    activation: str = "relu6",
    stochastic_depth: float = 0.0,
    dropout: float | None = None,
    norm_options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build one of EfficientNet-Lite 0 to 4, 4.7 to 13 million parameters.

    With `weights="pretrained"` it knows ImageNet, and a few hundred images are enough
    to tell other things apart. As in `backbone`, the batch norms of a network with
    weights stay in inference mode (`trainable=False`).

    Args:
        input_shape: (height, width, 3); height and width may be None.
        num_classes: Number of classes, at least 1; 1 gives one sigmoid unit.
        variant: 0 to 4.
        norm: Name that `kerasnorm.layers.make_norm` knows.
        weights: None for a random start; `"pretrained"` for those of ImageNet, of
            variants 0 to 2, which the extra `kerasnorm[pretrained]` brings; or a
            file that `take_weights` reads. With 1000 classes the classifier keeps its
            weights, too.
        frozen: Whether only the classifier trains.
        activation: Name of a Keras activation.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1;
            0.2 in the published training.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.
            Default: the published one of the variant, 0.2 or 0.3.
        norm_options: Keyword arguments for every norm layer.

    Returns:
        An uncompiled model from float32 RGB images of (batch, height, width, 3) in
        0..255 to float32 probabilities of (batch, num_classes). All layers before the
        pooling are its layer `"backbone"`.

    Raises:
        ValueError: If the variant or the norm is unknown, or weights do not fit.
        RuntimeError: If the package of the weights is missing.

    Example:
        >>> model = efficientnet_lite((224, 224, 3), 2, weights="pretrained")

    Reference:
        Tan and Le 2019, https://arxiv.org/abs/1905.11946, with ReLU6, without
        squeeze-and-excitation, and with stem and head that do not grow.
    """
    if variant not in range(len(VARIANTS)):
        raise ValueError(f"Expected `variant` to be 0 to 4. Received: {variant!r}.")
    if weights is not None and not find_kind(norm).is_batch_norm:
        raise ValueError(
            "Expected a batch norm with `weights`, which were trained with one. "
            f"Received: norm={norm!r}; put it in later by `surgery.swap_norm`."
        )
    style = make_style(norm, activation, norm_options)
    name = f"efficientnet_lite{variant}"
    base = _base(style, input_shape, VARIANTS[variant], stochastic_depth)
    images = keras.Input(input_shape, name="images")
    x = keras.layers.Rescaling(
        1 / PIXEL_SCALE, offset=-PIXEL_MEAN / PIXEL_SCALE, name="preprocess"
    )(images)
    drop = VARIANTS[variant].dropout if dropout is None else dropout
    outputs = blocks.classify(base(x), num_classes, drop)
    model = keras.Model(images, outputs, name=name)
    if weights is not None:
        file = pretrained_file(name) if weights == PRETRAINED else weights
        transfer.take_weights(model, file)
        unfreeze(model)
    base.trainable = base.trainable and not frozen
    return model


def block_specs(
    variant: Variant, stochastic_depth: float = 0.0
) -> Iterator[tuple[BlockSpec, Stage]]:
    """List the blocks in order, each with the stage it belongs to.

    Args:
        variant: How the network is scaled; its first and last stage get no more blocks.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1.

    Yields:
        The block and its stage.
    """
    depths = [
        stage.blocks
        if stage in (STAGES[0], STAGES[-1])
        else math.ceil(stage.blocks * variant.depth)
        for stage in STAGES
    ]
    count = 0
    for number, (stage, depth) in enumerate(zip(STAGES, depths, strict=True), start=1):
        for index in range(depth):
            spec = BlockSpec(
                name=f"stage{number}_block{index + 1}",
                filters=_scaled(stage.filters, variant.width),
                strides=stage.strides if index == 0 else 1,
                is_first=index == 0,
                drop_rate=stochastic_depth * count / sum(depths),
            )
            yield spec, stage
            count += 1


def pretrained_file(name: str) -> pathlib.Path:
    """Return the ImageNet weights of a variant, converted to Keras where they are not.

    Args:
        name: `efficientnet_lite0` to `efficientnet_lite2`.

    Raises:
        ValueError: If there are none for it, or they are damaged.
        RuntimeError: If the package of the weights is missing.
    """

    def convert(state: dict[str, np.ndarray]) -> keras.Model:
        variant = int(name[-1])
        side = VARIANTS[variant].image_size
        model = efficientnet_lite((side, side, 3), 1000, variant)
        names = [spec.name for spec, _ in block_specs(VARIANTS[variant])]
        by_name = {layer.name: layer for _, layer in layer_tree.iter_layers(model)}
        for layer, values in layer_numbers(state, names):
            by_name[layer].load_own_variables(values)
        return model

    return published.weights_file(name, convert)


def _scaled(filters: int, width: float) -> int:
    """Return channels times a factor, a multiple of 8 that loses 10% at most."""
    wish = filters * width
    nearest = max(DIVISOR, int(wish + DIVISOR / 2) // DIVISOR * DIVISOR)
    return nearest if nearest >= 0.9 * wish else nearest + DIVISOR


def _base(
    style: ConvBlockConfig,
    input_shape: tuple,
    variant: Variant,
    stochastic_depth: float,
) -> keras.Model:
    """Return all from the scaled pixels to the map that is pooled."""
    pixels = keras.Input(input_shape, name="pixels")
    x = style.convolve_normalize(pixels, STEM_FILTERS, strides=2, name="stem")
    for spec, stage in block_specs(variant, stochastic_depth):
        x = _block(style, x, spec, stage)
    x = style.convolve_normalize(x, HEAD_FILTERS, 1, name="head")
    return keras.Model(pixels, x, name="backbone")


def _block(style: ConvBlockConfig, x: Any, spec: BlockSpec, stage: Stage) -> Any:
    shortcut, name = x, spec.name
    channels = x.shape[channel_axis()]
    if stage.expansion > 1:
        x = style.convolve_normalize(
            x, channels * stage.expansion, 1, name=f"{name}_expand"
        )
    convolve = (
        layers.ScaledWSDepthwiseConv2D
        if style.is_norm_free
        else keras.layers.DepthwiseConv2D
    )
    x = convolve(
        stage.kernel_size,
        strides=spec.strides,
        padding="same",
        # A norm brings a bias.
        use_bias=style.is_norm_free,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise_conv",
    )(x)
    x = style.normalize(x, name=f"{name}_depthwise_norm")
    x = style.convolve_normalize(
        x, spec.filters, 1, name=f"{name}_project", activate=False
    )
    if spec.strides > 1 or channels != spec.filters:
        return x
    return style.add_branch(shortcut, x, spec)
