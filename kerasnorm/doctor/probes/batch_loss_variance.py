"""Measures how much the loss differs between the batches of one epoch."""

import numpy as np

from kerasnorm.doctor.loss_matrix.bootstrap import permutation_p
from kerasnorm.doctor.sampling.samples import Samples


def measure_batch_loss_variance(losses: np.ndarray, train: Samples) -> dict[str, float]:
    """Compare the spread of the batches' losses with that of shuffled samples.

    At frozen weights only the samples of a batch and its statistics make a difference;
    a spread beyond chance comes from batches that are not alike: ordered data, or a
    small last batch.

    Args:
        losses: Loss of each training sample as it was optimized, (samples,).
        train: The training samples.

    Returns:
        `mean` and std (`deviation`) of the batches' losses, the std with samples
        exchanged between batches (`deviation_shuffled`), and the `p_value` of so
        large a std.
    """
    batches = train.batches()
    numbers = np.repeat(np.arange(len(batches)), train.sizes)
    sizes = np.asarray(train.sizes)
    finite = np.nan_to_num(losses, nan=0.0, posinf=0.0, neginf=0.0)

    def std(values: np.ndarray) -> float:
        return float((np.bincount(numbers, values) / sizes).std())

    nulls: list[float] = []

    def null(generator: np.random.Generator) -> float:
        nulls.append(std(generator.permutation(finite)))
        return -nulls[-1]

    observed = std(finite)
    p_value = permutation_p(-observed, null)
    return {
        "mean": float(finite.mean()),
        "deviation": observed,
        "deviation_shuffled": float(np.mean(nulls)),
        "p_value": p_value,
    }
