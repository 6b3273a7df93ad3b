"""Group normalization: statistics of one sample over groups of channels."""

from typing import Any

from kerasnorm.layers import pools
from kerasnorm.layers.channel_norm import ChannelNorm
from kerasnorm.layers.checks import channels_of
from kerasnorm.layers.pooled_norm import PooledNorm
from kerasnorm.registration import register


@register
class GroupNorm(ChannelNorm):
    """Normalize each sample over its pixels and groups of neighbouring channels.

    Args:
        groups: Number of groups; it must divide the channels. -1 makes each channel
            a group of its own.
        group_size: Channels per group; when given it stands in for `groups`.
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        epsilon: Positive number added to the variance.
        center: Whether to add the weight `beta`.
        scale: Whether to multiply by the weight `gamma`.
        **kwargs: Initializers, regularizers, constraints as in
            `keras.layers.GroupNormalization`, and arguments of `keras.layers.Layer`.
    """

    def __init__(
        self,
        groups: int = 32,
        group_size: int | None = None,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self.groups = groups
        self.group_size = group_size

    def build(self, input_shape: tuple) -> None:
        """Check that the groups divide the channels and create the weights."""
        self.count_groups(channels_of(self, input_shape))
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Normalize `inputs`, of shape (batch, ..., channels)."""
        channels = inputs.shape[self.axis]
        pool = pools.channel_groups(self.count_groups(channels), channels)
        norm = PooledNorm([pool], self.epsilon)
        outputs, _ = norm(inputs, self.axis, *self.scale_and_center())
        return outputs

    def count_groups(self, channels: int) -> int:
        """Return the number of groups, or raise if they do not divide `channels`."""
        if self.group_size is not None:
            received, groups = f"group_size={self.group_size!r}", 0
            if channels % self.group_size == 0:
                groups = channels // self.group_size
        else:
            received = f"groups={self.groups!r}"
            groups = channels if self.groups == -1 else self.groups
        if groups < 1 or channels % groups:
            fitting = [n for n in range(1, channels + 1) if channels % n == 0]
            name = received.split("=")[0]
            raise ValueError(
                f"Expected `{name}` to divide the {channels} channels; take one of "
                f"{fitting}. Received: {received}."
            )
        return groups

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "groups": self.groups,
            "group_size": self.group_size,
        }


def group_count(channels: int, wish: int = 32) -> int:
    """Return the largest divisor of `channels` that is not above `wish`.

    The rule for code that must pick a number of groups for channels it does not
    know, such as models and surgery; the layer itself never picks.

    Args:
        channels: Number of channels, at least 1.
        wish: Number of groups to have if it divides the channels, at least 1.

    Raises:
        ValueError: If one of them is below 1.

    Example:
        >>> group_count(64), group_count(24), group_count(7, wish=4)
        (32, 24, 1)
    """
    if channels < 1 or wish < 1:
        raise ValueError(
            "Expected `channels` and `wish` to be at least 1. "
            f"Received: channels={channels!r}, wish={wish!r}."
        )
    return max(n for n in range(1, min(channels, wish) + 1) if channels % n == 0)
