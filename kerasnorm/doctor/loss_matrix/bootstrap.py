"""Bootstrap intervals of mean differences, paired over batches where possible."""

from collections.abc import Callable

import numpy as np
from scipy import stats

# 1,000 draws put the 2.5% points of a mean within about 4% of their distance.
DRAWS = 1000
# Below this many batches a resample repeats itself; batches are then cut in parts.
SMALLEST_NUMBER_OF_BLOCKS = 16


def blocks_of(batches: list[np.ndarray]) -> list[np.ndarray]:
    """Cut batches into at least 16 blocks of samples where the samples allow it.

    Args:
        batches: Sample numbers of each batch.

    Returns:
        Sample numbers of each block that is drawn as a whole.
    """
    total = sum(len(batch) for batch in batches)
    wanted = min(SMALLEST_NUMBER_OF_BLOCKS, total)
    pieces = -(-wanted // len(batches))
    return [
        part
        for batch in batches
        for part in np.array_split(batch, min(pieces, len(batch)))
        if len(part)
    ]


def draws_of_mean(
    values: np.ndarray, blocks: list[np.ndarray], seed: int = 0
) -> np.ndarray:
    """Return bootstrap draws of the mean of `values`, drawing whole blocks.

    Args:
        values: One number for each sample, (samples,). For a paired comparison pass
            the differences.
        blocks: Sample numbers of each block.
        seed: The same seed and blocks give the same draws, so that sums of parts
            stay sums in every draw.

    Returns:
        Means of (1000,).
    """
    sums = np.array([values[block].sum() for block in blocks])
    sizes = np.array([len(block) for block in blocks])
    generator = np.random.default_rng(seed)
    chosen = generator.integers(len(blocks), size=(DRAWS, len(blocks)))
    return sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)


def interval(draws: np.ndarray) -> tuple[float, float]:
    """Return the 2.5% and 97.5% points of bootstrap draws."""
    low, high = np.quantile(draws, (0.025, 0.975))
    return float(low), float(high)


def widening(count: int) -> float:
    """Return by how much an interval from few values is too narrow for 95%.

    Args:
        count: Values, or blocks of them, that were drawn.

    Returns:
        1 from 16 values on; below it what Student's t adds to the normal distribution,
        infinity for a single value.
    """
    if count >= SMALLEST_NUMBER_OF_BLOCKS:
        return 1.0
    if count < 2:
        return float("inf")
    return float(stats.t.ppf(0.975, count - 1) / 1.96 * np.sqrt(count / (count - 1)))


def lower_limit(values: np.ndarray) -> float:
    """Return the lower 95% limit of a mean, minus infinity of a single value."""
    if len(values) < 2:
        return float("-inf")
    error = values.std() / np.sqrt(len(values))
    return float(values.mean() - 1.96 * widening(len(values)) * error)


def permutation_p(
    observed: float, null: Callable[[np.random.Generator], float], draws: int = 400
) -> float:
    """Return how often a null statistic is as small as the observed one.

    Args:
        observed: Statistic of the data.
        null: Draws the statistic of permuted data from a generator.
        draws: Number of permutations; 400 resolves 0.0025.

    Returns:
        One-sided p-value, never 0.
    """
    generator = np.random.default_rng(0)
    smaller = sum(null(generator) <= observed for _ in range(draws))
    return (smaller + 1) / (draws + 1)
