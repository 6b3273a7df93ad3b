"""How far weights decay in one update, beyond plain decoupled weight decay."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from kerasnorm.optimizers.gradients import unit_norm


def stable_decay_scale(second_moments: Sequence, correction):
    """Compute the one factor by which stable weight decay scales the decay.

    Adam divides its steps by the root of the second moments, plain decay does not; so
    late in training, when gradients are small, plain decay loses its grip. Stable
    decay divides by the same root, averaged:
    `1 / sqrt(mean of all entries of all second moments / correction)`.

    Args:
        second_moments: One tensor for each variable, not bias-corrected.
        correction: What their bias correction divides by, `1 - beta_2 ** t`.

    Returns:
        A positive scalar, the same for all variables.

    Reference:
        Xie et al. 2020, Stable weight decay regularization, algorithm 3,
        https://arxiv.org/abs/2011.11152.
    """
    total = sum(ops.cast(ops.sum(m), "float32") for m in second_moments)
    entries = sum(int(np.prod(moments.shape)) for moments in second_moments)
    return ops.rsqrt(ops.maximum(total / (entries * correction), 1e-30))


def norm_loss_scale(weights, axes: tuple[int, ...] | None, epsilon: float):
    """Compute the factors that make weight decay pull unit norms to 1 instead of 0.

    Norm loss adds `sum over units of (1 - |w|)^2` to the loss, whose gradient is
    `2 (1 - 1 / |w|) w`. Its descent is a weight decay of each unit scaled by
    `1 - 1 / max(|w|, epsilon)`, which is negative below norm 1.

    Args:
        weights: Weights of any shape.
        axes: The axes of a unit, `None` for the whole tensor.
        epsilon: Smallest norm taken for the weights, above 0. A unit of zeros stays
            zero.

    Returns:
        Factors with `axes` kept at length 1.

    Reference:
        Georgiou et al. 2021, Norm loss, equation 5, https://arxiv.org/abs/2103.06583.
    """
    return 1.0 - 1.0 / ops.maximum(unit_norm(weights, axes), epsilon)
