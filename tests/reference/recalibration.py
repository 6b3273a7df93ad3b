"""Literal recalibration of a stack of dense layers and batch norms, in float64."""

import numpy as np


def recalibrate(batches, layers):
    """Return the statistics of each norm after one pass in training mode.

    Args:
        batches: Arrays of shape (batch, features).
        layers: For each pair of layers `(kernel, bias, gamma, beta, epsilon)`.
    """
    firsts = [0.0] * len(layers)
    seconds = [0.0] * len(layers)
    total = 0
    for batch in batches:
        x = np.float64(batch)
        total += len(x)
        for index, (kernel, bias, gamma, beta, epsilon) in enumerate(layers):
            x = x @ np.float64(kernel) + bias
            mean, variance = x.mean(axis=0), x.var(axis=0)
            firsts[index] = firsts[index] + len(x) * mean
            seconds[index] = seconds[index] + len(x) * (variance + mean**2)
            x = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
            x = np.maximum(x, 0)
    means = [first / total for first in firsts]
    return [
        (mean, second / total - mean**2)
        for mean, second in zip(means, seconds, strict=True)
    ]
