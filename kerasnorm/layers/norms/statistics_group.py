"""What a norm pools its statistics over: groups of channels, the batch, parts of it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from kerasnorm.layers.norms.moments import Moments


class StatisticsGroup(NamedTuple):
    """Statistics taken over pools of (sample, channel) pairs.

    Attributes:
        average: Function that replaces each number of a (batch, channels) tensor by the
            mean of its pool, to a tensor that broadcasts against it.
    """

    average: Callable[[Any], Any]

    def mean(self, stats: Moments) -> Any:
        """Return the mean of each pool."""
        middle = self.average(stats.shift)
        return middle + self.average(stats.shift - middle + stats.offset)

    def deviation(self, stats: Moments) -> Any:
        """Return how far each mean lies from its pool's mean; (batch, channels)."""
        distance = stats.shift - self.average(stats.shift) + stats.offset
        return distance - self.average(distance)

    def variance(self, stats: Moments) -> Any:
        """Return the variance of each pool, within and between its members."""
        return self.average(stats.variance() + ops.square(self.deviation(stats)))

    def distribute_gradient(self, gradient: Any) -> Any:
        """Return what each member gets of a gradient of its pool's statistic."""
        return self.average(gradient)


class FixedStatistics(NamedTuple):
    """Statistics that are given, such as moving averages; nothing flows into them.

    Attributes:
        mean: Mean per channel, (channels,).
        given_variance: Variance per channel, (channels,).
    """

    mean: Any
    given_variance: Any

    def deviation(self, stats: Moments) -> Any:
        """Return how far each mean lies from the given one; (batch, channels)."""
        return stats.shift - self.mean + stats.offset

    def variance(self, stats: Moments) -> Any:
        """Return the given variance."""
        return ops.broadcast_to(self.given_variance, ops.shape(stats.offset))

    def distribute_gradient(self, gradient: Any) -> Any:
        """Return zeros."""
        return ops.zeros_like(gradient)


def channel_groups(groups: int, channels: int) -> StatisticsGroup:
    """Pool neighbouring channels of one sample, `groups` pools per sample."""

    def average(values: Any) -> Any:
        grouped = (ops.shape(values)[0], groups, channels // groups)
        mean = ops.mean(ops.reshape(values, grouped), axis=2, keepdims=True)
        return ops.reshape(ops.broadcast_to(mean, grouped), (-1, channels))

    if groups == channels:
        return StatisticsGroup(lambda values: values)
    if groups == 1:
        return StatisticsGroup(lambda values: ops.mean(values, axis=1, keepdims=True))
    return StatisticsGroup(average)


def whole_batch() -> StatisticsGroup:
    """Pool all samples, one pool per channel."""
    return StatisticsGroup(lambda values: ops.mean(values, axis=0, keepdims=True))


def batch_parts(size: int) -> StatisticsGroup:
    """Pool neighbouring samples, in near-equal parts of at most `size` samples."""

    def average(values: Any) -> Any:
        means = part_means(values, size)
        part = _part_of_each_sample(ops.shape(values)[0], size)
        return ops.take(means, part, axis=0)

    return StatisticsGroup(average)


def part_means(values: Any, size: int) -> Any:
    """Average (batch, channels) over each part of the batch, to (parts, channels)."""
    samples, channels = ops.shape(values)
    parts, length, longer = _cut(samples, size)
    cut = longer * (length + 1)
    head = ops.reshape(values[:cut], (longer, length + 1, channels))
    tail = ops.reshape(values[cut:], (parts - longer, length, channels))
    return ops.concatenate([ops.mean(head, axis=1), ops.mean(tail, axis=1)])


def _cut(samples: Any, size: int) -> tuple:
    """Return the number of parts, their length, and how many are longer by one."""
    parts = (samples + size - 1) // size
    return parts, samples // parts, samples % parts


def _part_of_each_sample(samples: Any, size: int) -> Any:
    _, length, longer = _cut(samples, size)
    index = ops.arange(samples, dtype="int32")
    cut = longer * (length + 1)
    return ops.where(
        index < cut, index // (length + 1), longer + (index - cut) // length
    )
