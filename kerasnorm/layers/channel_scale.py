"""A learned scale and shift per channel, what is left of a norm without its norm."""

from typing import Any

from keras import ops

from kerasnorm.layers.norms.channel_norm import ChannelNorm
from kerasnorm.layers.norms.moments import as_computed
from kerasnorm.registration import register


@register
class ChannelScale(ChannelNorm):
    """Multiply each channel by `gamma` and add `beta`.

    It takes the place of a norm in a network that is to do without, and
    `kerasnorm.surgery.swap_norm(model, "none")` starts it at the scale that the norm
    had on real data. Training and validation compute the same; both weights are saved.

    Args:
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        center: Whether to add the weight `beta`.
        scale: Whether to multiply by the weight `gamma`.
        **kwargs: Initializers, regularizers and constraints as for `GroupNorm`, and
            arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `axis` is not an integer other than 0, or `epsilon` is given.

    Example:
        >>> ChannelScale()(keras.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self, axis: int = -1, center: bool = True, scale: bool = True, **kwargs: Any
    ) -> None:
        if "epsilon" in kwargs:
            raise ValueError(
                "Expected no `epsilon` in ChannelScale, which does not divide; leave "
                f"it out. Received: epsilon={kwargs['epsilon']!r}."
            )
        super().__init__(axis=axis, center=center, scale=scale, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Scale and shift `inputs`, of shape (batch, ..., channels)."""
        shape = [1] * len(inputs.shape)
        shape[self.axis] = -1
        inputs = as_computed(inputs, self.compute_dtype)
        gamma, beta = self.scale_and_center()
        outputs = inputs * ops.reshape(ops.cast(gamma, inputs.dtype), shape)
        outputs = outputs + ops.reshape(ops.cast(beta, inputs.dtype), shape)
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        config = super().get_config()
        del config["epsilon"]
        return config
