"""Residual connections that keep the variance of the signal without any norm."""

import keras

from kerasnorm.layers.skip_init import SkipInit
from kerasnorm.models import blocks

# Weight of each residual branch; the value both papers use throughout.
ALPHA = 0.2


class ExpectedVariance:
    """Bookkeeping of the variance a residual stream reaches, block after block.

    Reference:
        Brock et al. 2021, https://arxiv.org/abs/2101.08692, section 3.
    """

    def __init__(self) -> None:
        self.value = 1.0

    @property
    def beta(self) -> float:
        """Factor that brings the stream back to unit variance."""
        return self.value**-0.5

    def reset(self) -> None:
        """Note a transition, whose shortcut starts again at unit variance."""
        self.value = 1.0

    def grow(self) -> None:
        """Note one residual branch added with weight `ALPHA`."""
        self.value += ALPHA**2


def transition(style: blocks.Style, entry, filters, strides, name):
    """Make the shortcut of a block that changes size or channels.

    Args:
        style: Style of the network.
        entry: Activated input, of shape (batch, height, width, channels).
        filters: Number of output channels.
        strides: Step in pixels; 2 averages before the projection.
        name: Name of the block.

    Returns:
        Shortcut of shape (batch, height / strides, width / strides, filters).
    """
    if strides > 1:
        entry = blocks.average_pool(entry)
    return style.convolve(entry, filters, 1, name=f"{name}_shortcut_conv")


def add_branch(shortcut, branch, *, name):
    """Add a residual branch that starts silent and learns its own weight.

    Args:
        shortcut: Feature map of shape (batch, height, width, channels).
        branch: Residual branch of the same shape.
        name: Name of the block.

    Returns:
        `shortcut + ALPHA * gain * branch`, with a learned scalar gain from 0.

    Reference:
        SkipInit: De and Smith 2020, https://arxiv.org/abs/2002.10444.
    """
    branch = SkipInit(ALPHA, name=f"{name}_skip_init")(branch)
    return keras.layers.Add(name=f"{name}_add")([shortcut, branch])
