"""Switchable normalization: a learned mixture of instance, layer and batch."""

from typing import Any

from keras import ops

from kerasnorm.layers.checks import check_momentum
from kerasnorm.layers.norms import statistics_group
from kerasnorm.layers.norms.channel_norm import ChannelNorm
from kerasnorm.layers.norms.moments import as_computed, at_least_float32
from kerasnorm.layers.norms.pooled_norm import PooledNorm
from kerasnorm.registration import register


@register
class SwitchableNorm(ChannelNorm):
    """Mix instance, layer and batch statistics with learned weights.

        mean = sum_k softmax(mean_logits)[k] * mean_k
        variance = sum_k softmax(variance_logits)[k] * variance_k
        y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    over k in (instance, layer, batch), the order of the logits. Each layer of a network
    finds its own mixture; the learned softmax weights are worth a look.

    Training uses the statistics of the batch for the third member. Inference uses
    their moving averages, saved as `moving_mean` and `moving_variance`, or, with
    `moving_average=False`, those of the batch at hand. `trainable = False` means
    inference. With `batch_statistics=False` there is no third member and training and
    inference compute the same: the choice for batches of one.

    Args:
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        momentum: Fraction of the old moving averages that each step keeps, 0 to 1,
            default 0.9.
        epsilon: Positive number added to the variance, default 1e-5.
        moving_average: Whether inference uses moving averages, default True.
        batch_statistics: Whether batch statistics are a member, default True.
        **kwargs: `center`, `scale`, and initializers, regularizers and constraints of
            `beta` and `gamma`, and arguments of `keras.layers.Layer`.

    Raises:
        ValueError: If `momentum` is not from 0 to 1, or `epsilon` is not positive.

    Example:
        >>> layer = SwitchableNorm()
        >>> layer(keras.random.normal((8, 16, 16, 64)), training=True).shape
        (8, 16, 16, 64)

    Reference:
        Luo et al. 2018, Differentiable Learning-to-Normalize via Switchable
        Normalization, arXiv 1806.10779. All variances here are divided by the count;
        the authors' code divides that of the instance by one less, which fails for
        one pixel, and starts the moving variance at 0.
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
        self.momentum = check_momentum(momentum)
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
            options = {
                "shape": (input_shape[self.axis],),
                "dtype": at_least_float32(self.variable_dtype),
                "trainable": False,
                "autocast": False,
            }
            self.moving_mean = self.add_weight(
                name="moving_mean", initializer="zeros", **options
            )
            self.moving_variance = self.add_weight(
                name="moving_variance", initializer="ones", **options
            )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Normalize `inputs`, of shape (batch, ..., channels)."""
        channels = inputs.shape[self.axis]
        batch = statistics_group.whole_batch()
        members: list[
            statistics_group.StatisticsGroup | statistics_group.FixedStatistics
        ] = [
            statistics_group.channel_groups(channels, channels),
            statistics_group.channel_groups(1, channels),
        ]
        update = self.moving_mean is not None and training and self.trainable
        dtype = at_least_float32(self.compute_dtype)
        if self.moving_mean is not None and not update:
            moving = self.moving_mean, self.moving_variance
            members.append(
                statistics_group.FixedStatistics(
                    *(ops.cast(value, dtype) for value in moving)
                )
            )
        elif self.batch_statistics:
            members.append(batch)
        norm = PooledNorm(members, self.epsilon)
        inputs = as_computed(inputs, self.compute_dtype)
        outputs, stats = norm(
            inputs,
            self.axis,
            *self.scale_and_center(),
            ops.softmax(ops.cast(self.mean_logits, dtype)),
            ops.softmax(ops.cast(self.variance_logits, dtype)),
        )
        if update:
            self._update(batch.mean(stats), batch.variance(stats))
        return ops.cast(outputs, self.compute_dtype)

    def _update(self, mean: Any, variance: Any) -> None:
        for moving, batch in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            batch = ops.stop_gradient(ops.squeeze(batch, axis=0))
            kept = ops.cast(moving, batch.dtype) * self.momentum
            moving.assign(kept + batch * (1.0 - self.momentum))

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_average": self.moving_average,
            "batch_statistics": self.batch_statistics,
        }
