"""Instance normalization: statistics of one sample and one channel."""

from typing import Any

from kerasnorm.layers.group_norm import GroupNorm
from kerasnorm.registration import register


@register
class InstanceNorm(GroupNorm):
    """Normalize each channel of each sample over its pixels.

    Args:
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        epsilon: Positive number added to the variance.
        center: Whether to add the weight `beta`.
        scale: Whether to multiply by the weight `gamma`.
        **kwargs: As for `GroupNorm`.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(-1, None, axis, epsilon, center, scale, **kwargs)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        config = super().get_config()
        del config["groups"], config["group_size"]
        return config
