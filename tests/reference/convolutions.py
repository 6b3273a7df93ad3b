"""Literal float64 truths of the convolutions, pixel by pixel; channels are last."""

import numpy as np

from tests.reference import norms


def convolve(x, kernel, strides=1, padding="valid", groups=1):
    """Slide `kernel` (height, width, channels per group, filters) over `x`."""
    height, width, _, filters = kernel.shape
    if padding == "same":
        x = pad_same(x, (height, width), strides)
    rows = (x.shape[1] - height) // strides + 1
    columns = (x.shape[2] - width) // strides + 1
    y = np.zeros((x.shape[0], rows, columns, filters))
    size = filters // groups
    for row in range(rows):
        for column in range(columns):
            top, left = row * strides, column * strides
            window = x[:, top : top + height, left : left + width]
            for group in range(groups):
                inner = slice(group * kernel.shape[2], (group + 1) * kernel.shape[2])
                outer = slice(group * size, (group + 1) * size)
                y[:, row, column, outer] = np.tensordot(
                    window[..., inner], kernel[..., outer], axes=3
                )
    return y


def pad_same(x, size, strides):
    """Pad as `padding="same"` does: what is odd goes below and to the right."""
    amounts = []
    for length, window in zip(x.shape[1:3], size, strict=True):
        outputs = -(-length // strides)
        total = max((outputs - 1) * strides + window - length, 0)
        amounts.append((total // 2, total - total // 2))
    return np.pad(x, ((0, 0), *amounts, (0, 0)))


def standardized(kernel, epsilon):
    """Qiao et al. 2019, equation 7: mean 0 and deviation 1 for each filter."""
    result = np.empty_like(kernel)
    for number in range(kernel.shape[-1]):
        one = kernel[..., number]
        result[..., number] = (one - one.mean()) / (one.std() + epsilon)
    return result


def scaled_standardized(kernel, gain, epsilon):
    """Brock et al. 2021, equation 6, with the bound of their code."""
    result = np.empty_like(kernel)
    for number in range(kernel.shape[-1]):
        one = kernel[..., number]
        scale = np.sqrt(max(one.var() * one.size, epsilon))
        result[..., number] = gain[number] * (one - one.mean()) / scale
    return result


def as_grouped(depthwise_kernel):
    """Turn (height, width, channels, multiplier) into a kernel of one group each."""
    height, width, channels, multiplier = depthwise_kernel.shape
    return depthwise_kernel.reshape(height, width, 1, channels * multiplier)


def asymmetric(x, kernels, gammas, betas, epsilon, statistics=None, **options):
    """Ding et al. 2019, figure 2, the cross put on the middle of the square kernel.

    `kernels` are the square, the horizontal and the vertical one; the two are padded
    with zeros to the square's size, which is what it means to share its windows.
    """
    size = kernels[0].shape[0]
    total = 0.0
    for branch, kernel in enumerate(kernels):
        rows, columns = size - kernel.shape[0], size - kernel.shape[1]
        rows, columns = (rows // 2,) * 2, (columns // 2,) * 2
        padded = np.pad(kernel, (rows, columns, (0, 0), (0, 0)))
        mean, variance = (None, None) if statistics is None else statistics[branch]
        outputs = convolve(x, padded, **options)
        total = (
            total
            + norms.batch_norm(
                outputs, epsilon, gammas[branch], betas[branch], mean, variance
            )[0]
        )
    return total
