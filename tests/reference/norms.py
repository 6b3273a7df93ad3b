"""Literal float64 truths of the norms, sample by sample, as the papers write them.

Each returns the outputs and the slope in front of the inputs, whose size says how large
the terms are that a gradient is the difference of. Channels are last.
"""

import numpy as np


def group_norm(x, groups, epsilon, gamma, beta):
    """Wu and He 2018, equations 1, 2, 6 and 7."""
    y, slope = np.empty_like(x), np.empty_like(x)
    size = x.shape[-1] // groups
    for sample in range(x.shape[0]):
        for group in range(groups):
            of_group = (sample, ..., slice(group * size, (group + 1) * size))
            y[of_group], slope[of_group] = standardize(
                x[of_group], x[of_group].mean(), x[of_group].var(), epsilon
            )
    return y * gamma + beta, slope * gamma


def filter_response_norm(x, epsilon, gamma, beta, tau=None, epsilon_l=None):
    """Singh and Krishnan 2019, figure 1 and equation 4."""
    y, slope = np.empty_like(x), np.empty_like(x)
    for sample in range(x.shape[0]):
        for channel in range(x.shape[-1]):
            one = (sample, ..., channel)
            smoothing = (
                epsilon if epsilon_l is None else epsilon + abs(epsilon_l[channel])
            )
            slope[one] = 1 / np.sqrt(np.mean(x[one] ** 2) + smoothing)
            y[one] = x[one] * slope[one]
    y = y * gamma + beta
    return (y if tau is None else np.maximum(y, tau)), slope * gamma


def batch_norm(x, epsilon, gamma, beta, mean=None, variance=None):
    """Ioffe and Szegedy 2015, algorithm 1; with given statistics, algorithm 2."""
    y, slope = np.empty_like(x), np.empty_like(x)
    for channel in range(x.shape[-1]):
        one = x[..., channel]
        y[..., channel], slope[..., channel] = standardize(
            one,
            one.mean() if mean is None else mean[channel],
            one.var() if variance is None else variance[channel],
            epsilon,
        )
    return y * gamma + beta, slope * gamma


def ghost_batch_norm(x, parts, epsilon, gamma, beta):
    """Hoffer et al. 2017, algorithm 1; `parts` are the sizes of the small batches."""
    ends = np.cumsum(parts)
    pieces = [
        batch_norm(x[end - size : end], epsilon, gamma, beta)
        for size, end in zip(parts, ends, strict=True)
    ]
    return tuple(np.concatenate(piece) for piece in zip(*pieces, strict=True))


def switchable_norm(
    x, epsilon, gamma, beta, mean_logits, variance_logits, batch_statistics=None
):
    """Luo et al. 2018, equations 2, 3 and 5; batch statistics are given or taken."""
    y, slope = np.empty_like(x), np.empty_like(x)
    mean_weights, variance_weights = softmax(mean_logits), softmax(variance_logits)
    for sample in range(x.shape[0]):
        for channel in range(x.shape[-1]):
            one = (sample, ..., channel)
            members = [x[one], x[sample], x[..., channel]][: len(mean_logits)]
            means = [member.mean() for member in members]
            variances = [member.var() for member in members]
            if batch_statistics is not None:
                means[2] = batch_statistics[0][channel]
                variances[2] = batch_statistics[1][channel]
            y[one], slope[one] = standardize(
                x[one],
                np.dot(mean_weights, means),
                np.dot(variance_weights, variances),
                epsilon,
            )
    return y * gamma + beta, slope * gamma


def standardize(x, mean, variance, epsilon):
    """Return `x` with mean and variance taken out, and the slope that did it."""
    slope = 1 / np.sqrt(variance + epsilon)
    return (x - mean) * slope, slope


def softmax(logits):
    """Return the weights that the logits stand for."""
    exponentials = np.exp(logits - np.max(logits))
    return exponentials / exponentials.sum()
