"""Switchable normalization: a learned mixture of instance, layer and batch."""

from typing import Any

from keras import ops

from kerasnorm.layers import pools
from kerasnorm.layers.channel_norm import ChannelNorm
from kerasnorm.layers.pooled_norm import PooledNorm
from kerasnorm.registration import register


@register
class SwitchableNorm(ChannelNorm):
    """Mix instance, layer and batch statistics with learned weights.

    Args:
        axis: Axis of the channels, -1 for channels last, 1 for channels first.
        momentum: Share of the old moving statistics that each step keeps, 0 to 1.
        epsilon: Positive number added to the variance.
        moving_average: Whether inference uses moving batch statistics; if not it
            uses those of the batch at hand.
        batch_statistics: Whether batch statistics take part in the mixture.
        **kwargs: Initializers, regularizers and constraints as for `GroupNorm`.
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        moving_average: bool = True,
        batch_statistics: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis, epsilon, **kwargs)
        self.momentum = momentum
        self.moving_average = moving_average
        self.batch_statistics = batch_statistics

    def build(self, input_shape: tuple) -> None:
        """Create the weights and, where used, the moving statistics."""
        super().build(input_shape)
        members = (3 if self.batch_statistics else 2,)
        self.mean_logits = self.add_weight(
            name="mean_logits", shape=members, initializer="ones", autocast=False
        )
        self.variance_logits = self.add_weight(
            name="variance_logits", shape=members, initializer="ones", autocast=False
        )
        self.moving_mean: Any = None
        self.moving_variance: Any = None
        if self.batch_statistics and self.moving_average:
            channels = (input_shape[self.axis],)
            self.moving_mean = self.add_weight(
                name="moving_mean",
                shape=channels,
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            self.moving_variance = self.add_weight(
                name="moving_variance",
                shape=channels,
                initializer="ones",
                trainable=False,
                autocast=False,
            )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Normalize `inputs`, of shape (batch, ..., channels)."""
        groups = pools.channel_groups
        channels = self.input_spec.axes[self.axis]
        batch: Any = pools.whole_batch()
        members: list = [groups(channels, channels), groups(1, channels)]
        update = self.moving_mean is not None and training and self.trainable
        if self.moving_mean is not None and not update:
            members.append(pools.Fixed(self.moving_mean, self.moving_variance))
        elif self.batch_statistics:
            members.append(batch)
        norm = PooledNorm(members, self.epsilon)
        outputs, stats = norm(
            inputs,
            self.axis,
            *self.scale_and_center(),
            ops.softmax(ops.convert_to_tensor(self.mean_logits)),
            ops.softmax(ops.convert_to_tensor(self.variance_logits)),
        )
        if update:
            self._update(batch.mean(stats), batch.variance(stats))
        return outputs

    def _update(self, mean: Any, variance: Any) -> None:
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            batch = ops.stop_gradient(ops.squeeze(batch, axis=0))
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_average": self.moving_average,
            "batch_statistics": self.batch_statistics,
        }
