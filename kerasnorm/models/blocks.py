"""What all networks here share: where the blocks stand, the first and last layers."""

import dataclasses
from collections.abc import Iterator, Sequence

import keras


@dataclasses.dataclass(frozen=True)
class BlockSpec:
    """Where a residual block stands in its network.

    Args:
        name: Name that begins the names of the block's layers.
        filters: Number of output channels of the stage, before any expansion.
        strides: Step in pixels.
        is_first: Whether the block opens its stage.
        drop_rate: Fraction of the samples whose branch is dropped in training, 0 to 1.
    """

    name: str
    filters: int
    strides: int
    is_first: bool
    drop_rate: float


def block_specs(
    depths: Sequence[int], widths: Sequence[int], stochastic_depth: float = 0.0
) -> Iterator[BlockSpec]:
    """BlockSpec the blocks of all stages; every stage but the first halves the map.

    Args:
        depths: Number of blocks of each stage.
        widths: Number of channels of each stage.
        stochastic_depth: Drop rate that the blocks approach linearly, 0 to below 1.

    Yields:
        One place per block, in order.
    """
    count = 0
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        for index in range(depth):
            yield BlockSpec(
                name=f"stage{stage + 1}_block{index + 1}",
                filters=width,
                strides=2 if stage > 0 and index == 0 else 1,
                is_first=index == 0,
                drop_rate=stochastic_depth * count / sum(depths),
            )
            count += 1


def standardize_pixels(images):
    """Bring images of 0..255 to about zero mean and unit variance.

    Args:
        images: Images of shape (batch, height, width, channels) in 0..255.

    Returns:
        The same shape, in -2..2.
    """
    # 64 is close to the standard deviation of the pixels of photos.
    return keras.layers.Rescaling(1 / 64, offset=-127.5 / 64, name="standardize")(
        images
    )


def average_pool(x, name=None):
    """Halve height and width by averages of 2 x 2 pixels.

    Args:
        x: Feature map of shape (batch, height, width, channels).
        name: Name of the layer.

    Returns:
        Shape (batch, height / 2 rounded up, width / 2 rounded up, channels).
    """
    return keras.layers.AveragePooling2D(2, padding="same", name=name)(x)


def classify(x, num_classes, dropout=0.0):
    """Pool, drop out and classify; the probabilities are float32 in any policy.

    Args:
        x: Feature map of shape (batch, height, width, channels).
        num_classes: Number of classes; 1 gives one sigmoid unit.
        dropout: Fraction of the pooled features dropped in training, 0 to below 1.

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
