"""Switchable normalization: a learned mixture of instance, layer and batch."""

from typing import Any

from keras import ops

from kerasnorm.layers import moments
from kerasnorm.layers.channel_norm import ChannelNorm
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
        dtype = moments.at_least_float32(self.compute_dtype)
        x = moments.to_canonical(ops.cast(inputs, dtype), self.axis % inputs.ndim)
        _, stats = moments.shifted_moments(x)
        mean = stats.shift + stats.offset
        means, variances = [mean], [stats.variance]
        for axis in (1, 0) if self.batch_statistics else (1,):
            pooled = ops.mean(mean, axis=axis, keepdims=True)
            spread = stats.variance + ops.square(mean - pooled)
            means.append(pooled)
            variances.append(ops.mean(spread, axis=axis, keepdims=True))
        if self.moving_mean is not None:
            if training and self.trainable:
                self._update(means[2], variances[2])
            else:
                means[2] = ops.expand_dims(self.moving_mean, 0)
                variances[2] = ops.expand_dims(self.moving_variance, 0)
        mean = self._mix(means, self.mean_logits)
        inverse = ops.rsqrt(self._mix(variances, self.variance_logits) + self.epsilon)
        slope = inverse if self.gamma is None else inverse * self.gamma
        outputs = (x - self._column(mean)) * self._column(slope)
        if self.beta is not None:
            outputs = outputs + ops.reshape(self.beta, (1, 1, -1, 1))
        outputs = ops.reshape(outputs, ops.shape(inputs))
        return ops.cast(outputs, self.compute_dtype)

    def _update(self, mean: Any, variance: Any) -> None:
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            batch = ops.stop_gradient(ops.squeeze(batch, axis=0))
            moving.assign(moving * self.momentum + batch * (1.0 - self.momentum))

    def _mix(self, members: list, logits: Any) -> Any:
        shares = ops.softmax(ops.convert_to_tensor(logits))
        return sum(shares[i] * member for i, member in enumerate(members))

    def _column(self, values: Any) -> Any:
        return ops.expand_dims(ops.expand_dims(values, 1), 3)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_average": self.moving_average,
            "batch_statistics": self.batch_statistics,
        }
