"""Instance normalization: statistics of one sample and one channel."""

from typing import Any

from kerasnorm.layers.norms.group_norm import GroupNorm
from kerasnorm.registration import register


@register
class InstanceNorm(GroupNorm):
    """Normalize each channel of each sample over its pixels.

        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    with the mean and the variance of one sample and one channel. It takes the contrast
    of an image out, which suits style transfer; for classification GroupNorm keeps
    more. The same as `GroupNorm(groups=-1)`. Training and inference compute the same.

    Args:
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        epsilon: Positive number added to the variance, default 1e-5.
        center: Whether to add the weight `beta`, default True.
        scale: Whether to multiply by the weight `gamma`, default True.
        **kwargs: As for `GroupNorm`.

    Raises:
        ValueError: If `groups` or `group_size` is given.

    Example:
        >>> InstanceNorm()(keras.random.normal((2, 16, 16, 64))).shape
        (2, 16, 16, 64)

    Reference:
        Ulyanov et al. 2016, Instance Normalization, arXiv 1607.08022.
    """

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        for argument in ("groups", "group_size"):
            if argument in kwargs:
                raise ValueError(
                    f"Expected no `{argument}` in InstanceNorm, whose groups have one "
                    f"channel each. Received: {argument}={kwargs[argument]!r}; use "
                    "GroupNorm."
                )
        super().__init__(-1, None, axis, epsilon, center, scale, **kwargs)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        config = super().get_config()
        del config["groups"], config["group_size"]
        return config
