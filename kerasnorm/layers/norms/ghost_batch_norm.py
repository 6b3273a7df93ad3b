"""Ghost batch normalization: batch statistics over small parts of the batch."""

from typing import Any

from keras import ops

from kerasnorm.layers.checks import (
    channels_of,
    check_axis,
    check_count,
    check_dense,
    check_momentum,
    check_positive,
)
from kerasnorm.layers.norms import statistics_group
from kerasnorm.layers.norms.batch_norm import BatchNorm
from kerasnorm.layers.norms.moments import Moments, as_computed, at_least_float32
from kerasnorm.layers.norms.pooled_norm import PooledNorm
from kerasnorm.registration import register

# Arguments of Keras' layer that mean nothing here, with the values it has without them.
OF_OTHER_BATCH_NORMS = {
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
    "synchronized": False,
}


@register
class GhostBatchNorm(BatchNorm):
    """Normalize each small part of the batch by the part's own statistics.

    Large batches lose the regularizing noise of small-batch statistics and generalize
    worse; this gives it back. The batch is cut, in order, into near-equal parts of at
    most `ghost_batch_size` samples, so it should come shuffled; 10 samples in parts
    of at most 4 are parts of 4, 3 and 3.

    Training uses the statistics of each part and moves the moving averages; inference
    is plain batch normalization with the moving averages, at any batch size. Both
    moving averages are saved. `trainable = False` means inference, as for Keras'
    layer.

    Args:
        ghost_batch_size: Most samples per part, at least 1; 16 to 256 are usual.
        axis: Axis of the channels, -1 (default) for channels last, 1 for channels
            first.
        momentum: Fraction of the old moving averages that an update keeps, 0 to 1.
        epsilon: Positive number added to the variance, default 1e-3.
        update_per_part: Whether the moving averages are updated once for each part, in
            order (default, as in the paper), or once a step with the mean of the
            parts' statistics.
        **kwargs: As for `keras.layers.BatchNormalization`, without `synchronized` and
            the arguments of its renormalization.

    Raises:
        ValueError: If an argument is out of its range, or `synchronized` or `renorm`
            is asked for.

    Example:
        >>> layer = GhostBatchNorm(ghost_batch_size=32)
        >>> layer(keras.random.normal((128, 8, 8, 16)), training=True).shape
        (128, 8, 8, 16)

    Reference:
        Hoffer et al. 2017, Train longer, generalize better, arXiv 1705.08741.
    """

    def __init__(
        self,
        ghost_batch_size: int = 32,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        update_per_part: bool = True,
        **kwargs: Any,
    ) -> None:
        for name, usual in OF_OTHER_BATCH_NORMS.items():
            if kwargs.get(name, usual) != usual:
                raise ValueError(
                    f"Expected no `{name}` in GhostBatchNorm, whose statistics are "
                    "those of parts of one batch; use "
                    "keras.layers.BatchNormalization for it. "
                    f"Received: {name}={kwargs[name]!r}."
                )
        super().__init__(
            axis=check_axis(axis),
            momentum=check_momentum(momentum),
            epsilon=check_positive("epsilon", epsilon),
            **kwargs,
        )
        self.ghost_batch_size = check_count("ghost_batch_size", ghost_batch_size)
        self.update_per_part = update_per_part

    def build(self, input_shape: tuple) -> None:
        """Create `gamma`, `beta`, `moving_mean` and `moving_variance`."""
        channels_of(self, input_shape)
        super().build(input_shape)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize `inputs`, of shape (batch, ..., channels)."""
        check_dense(inputs)
        if not training or not self.trainable:
            return super().call(inputs, training=False, mask=mask)
        if mask is not None:
            raise ValueError(
                "Expected no mask in the training of GhostBatchNorm, which has no use "
                "for one; take keras.layers.BatchNormalization for masked inputs. "
                f"Received: a mask of shape {tuple(mask.shape)}."
            )
        inputs = as_computed(inputs, self.compute_dtype)
        dtype = at_least_float32(self.compute_dtype)
        channels = inputs.shape[self.axis]
        gamma = self.gamma if self.scale else ops.ones(channels)
        beta = self.beta if self.center else ops.zeros(channels)
        parts = statistics_group.batch_parts(self.ghost_batch_size)
        norm = PooledNorm([parts], self.epsilon)
        weights = ops.cast(gamma, dtype), ops.cast(beta, dtype)
        outputs, stats = norm(inputs, self.axis, *weights)
        self._update(stats)
        return ops.cast(outputs, self.compute_dtype)

    def _update(self, stats: Moments) -> None:
        pool = statistics_group.batch_parts(self.ghost_batch_size)
        for moving, values in (
            (self.moving_mean, pool.mean(stats)),
            (self.moving_variance, pool.variance(stats)),
        ):
            means = ops.stop_gradient(
                statistics_group.part_means(values, self.ghost_batch_size)
            )
            if not self.update_per_part:
                means = ops.mean(means, axis=0, keepdims=True)
            moving.assign(self._moved(ops.cast(moving, means.dtype), means))

    def _moved(self, moving: Any, means: Any) -> Any:
        """Return the moving average after one update for each row of `means`."""
        count = ops.cast(ops.shape(means)[0], means.dtype)
        age = count - 1.0 - ops.arange(ops.shape(means)[0], dtype=means.dtype)
        momentum = ops.cast(self.momentum, means.dtype)
        new = ops.sum(means * ops.expand_dims(momentum**age, 1), axis=0)
        return moving * momentum**count + new * (1.0 - momentum)

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            **super().get_config(),
            "ghost_batch_size": self.ghost_batch_size,
            "update_per_part": self.update_per_part,
        }
