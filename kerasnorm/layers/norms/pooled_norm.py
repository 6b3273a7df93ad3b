"""The arithmetic of norms that pool mean and variance, and of mixtures of them.

    mean = sum_k mean_weights[k] * mean of pool k
    variance = sum_k variance_weights[k] * variance of pool k
    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

One pool with weight 1 is group, instance or layer normalization, or batch normalization
in training; three are switchable normalization. Everything here works on
(batch, channels) tensors; the pixels are touched by `moments` and `fused_affine` only.
"""

from typing import Any, NamedTuple

from keras import ops

from kerasnorm.layers.norms import moments
from kerasnorm.layers.norms.fused_affine import fused_affine
from kerasnorm.layers.norms.statistics_group import FixedStatistics, StatisticsGroup


class Mixture(NamedTuple):
    """Mixed statistics, as seen from the shifted pixels.

    Attributes:
        mean_offsets: Per pool, how far each mean lies from the pool's mean.
        variances: Per pool, the pool's variance.
        center: What to add to the shifted pixels so that they are centred.
        variance: Mixed variance plus epsilon.
        root: Square root of `variance`.
    """

    mean_offsets: list
    variances: list
    center: Any
    variance: Any
    root: Any

    def hoist_for_xla(self, coefficient: Any) -> Any:
        """Return a coefficient of the pixels in a form that is worked out only once.

        XLA works a small expression out again for each pixel unless it ends in a
        division.
        """
        return coefficient * self.variance / self.variance


class PooledNorm:
    """A norm with given pools, from moments to coefficients and to gradients.

    Args:
        pools: Where each set of statistics comes from.
        epsilon: Positive number added to the variance.
    """

    def __init__(
        self, pools: list[StatisticsGroup | FixedStatistics], epsilon: float
    ) -> None:
        self.pools = pools
        self.epsilon = epsilon

    def __call__(self, inputs: Any, axis: int, *weights: Any) -> Any:
        """Normalize.

        Args:
            inputs: Tensor with the batch first and at least one more axis.
            axis: Axis of the channels.
            *weights: `gamma` and `beta`, each (channels,), and for several pools
                `mean_weights` and `variance_weights`, each (pools,); in the dtype of
                the statistics.

        Returns:
            The outputs, in the shape and dtype of `inputs`, and the `Moments`.
        """
        source = moments.to_canonical(inputs, axis)
        dtype = moments.at_least_float32(source.dtype)
        pixels, stats = moments.take_moments(ops.cast(source, dtype))

        def restore(source: Any) -> Any:
            # At full precision the shifted pixels are kept themselves, which saves
            # shifting again; at half precision they would be twice as large.
            if source.dtype == pixels.dtype:
                return source
            return ops.cast(source, dtype) - moments.column(stats.shift)

        outputs = fused_affine(
            pixels if source.dtype == pixels.dtype else source,
            restore,
            (*stats, *weights),
            self.coefficients,
            self.gradients,
        )
        return ops.reshape(outputs, ops.shape(inputs)), stats

    def mix(self, stats: moments.Moments, weights: list) -> Mixture:
        """Pool the moments and mix the pools by their weights."""
        mean_offsets = [pool.deviation(stats) for pool in self.pools]
        variances = [pool.variance(stats) for pool in self.pools]
        center = _weighted(weights[0], mean_offsets) - stats.offset
        variance = _weighted(weights[1], variances) + self.epsilon
        return Mixture(mean_offsets, variances, center, variance, ops.sqrt(variance))

    def coefficients(self, *arrays: Any) -> tuple:
        """Return scale and offset of the shifted pixels, each (batch, channels)."""
        gamma, beta = arrays[3:5]
        mixture = self.mix(moments.Moments(*arrays[:3]), self._weights(arrays))
        offset = beta + gamma * mixture.center / mixture.root
        return mixture.hoist_for_xla(gamma / mixture.root), mixture.hoist_for_xla(
            offset
        )

    def gradients(self, dy: Any, dy_pixels: Any, count: Any, *arrays: Any) -> tuple:
        """Return the coefficients of the gradient, and the gradients of `arrays`."""
        stats, gamma = moments.Moments(*arrays[:3]), arrays[3]
        weights = self._weights(arrays)
        mixture = self.mix(stats, weights)
        dy_centered = dy_pixels + mixture.center * dy
        d_mean = -gamma * dy / mixture.root
        d_variance = -0.5 * gamma * dy_centered / (mixture.root * mixture.variance)
        dx_from_x = dx_constant = 0.0
        for i, pool in enumerate(self.pools):
            part = 2.0 * weights[1][i] * pool.distribute_gradient(d_variance)
            dx_from_x = dx_from_x + part
            dx_constant = dx_constant + part * (mixture.mean_offsets[i] - stats.offset)
            dx_constant = dx_constant + weights[0][i] * pool.distribute_gradient(d_mean)
        d_weights = [
            ops.sum(dy_centered / mixture.root, axis=0) * count,
            ops.sum(dy, axis=0) * count,
        ]
        if len(arrays) > 5:
            d_weights += [
                ops.stack([-ops.sum(d_mean * d) * count for d in mixture.mean_offsets]),
                ops.stack([ops.sum(d_variance * v) * count for v in mixture.variances]),
            ]
        return (
            mixture.hoist_for_xla(gamma / mixture.root),
            mixture.hoist_for_xla(dx_from_x),
            mixture.hoist_for_xla(dx_constant),
            (None, None, None, *d_weights),
        )

    def _weights(self, arrays: tuple) -> list:
        return list(arrays[5:]) or [(1.0,), (1.0,)]


def _weighted(weights: Any, values: list) -> Any:
    return sum(weights[i] * value for i, value in enumerate(values))
