"""Intervals and tests of fractions of samples: paired, unpaired, detectable effects."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

# Two-sided level of the tests, and the factor for a power of 0.9 at it.
ALPHA = 0.01
POWER_FACTOR = 3.86


@dataclass(frozen=True)
class Change:
    """A difference of two fractions.

    Args:
        value: The difference, in fractions of the samples (0.01 is one point).
        low: Lower limit of its interval, 99% unless asked otherwise.
        high: Upper limit.
        p_value: Two-sided.
        detectable: Smallest difference that would have been seen with power 0.9.
    """

    value: float
    low: float
    high: float
    p_value: float
    detectable: float


def paired_change(
    before: np.ndarray, after: np.ndarray, alpha: float = ALPHA
) -> Change:
    """Compare what is correct before and after a repair on the same samples.

    Args:
        before: Booleans of (samples,).
        after: Booleans of (samples,).
        alpha: One minus the confidence of the interval.

    Returns:
        McNemar's exact test, and the interval of the difference.

    Reference:
        McNemar, "Note on the sampling error of the difference between correlated
        proportions or percentages", Psychometrika 12, 1947.
    """
    count = len(before)
    gained = int((after & ~before).sum())
    lost = int((before & ~after).sum())
    value = (gained - lost) / count
    # One more of each keeps the interval honest where nothing changed.
    changed = gained + lost + 2
    error = np.sqrt(changed - (gained - lost) ** 2 / count) / count
    quantile = stats.norm.ppf(1 - alpha / 2)
    p_value = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    return Change(
        value,
        float(value - quantile * error),
        float(value + quantile * error),
        float(p_value),
        float(POWER_FACTOR * np.sqrt(changed) / count),
    )


def unpaired_change(
    first: np.ndarray, second: np.ndarray, alpha: float = ALPHA
) -> Change:
    """Compare the correct fractions of two sets of samples, `second` minus `first`.

    Args:
        first: Booleans of (samples,).
        second: Booleans of (other samples,).
        alpha: One minus the confidence of the interval.

    Returns:
        Fisher's exact test, and Newcombe's interval from two Wilson intervals.

    Reference:
        Newcombe, "Interval estimation for the difference between independent
        proportions", Statistics in Medicine 17, 1998, method 10.
    """
    ones = [int(part.sum()) for part in (first, second)]
    counts = [len(part) for part in (first, second)]
    p, q = (one / count for one, count in zip(ones, counts, strict=True))
    (p_low, p_high), (q_low, q_high) = (
        stats.binomtest(one, count).proportion_ci(1 - alpha, "wilson")
        for one, count in zip(ones, counts, strict=True)
    )
    table = [[one, count - one] for one, count in zip(ones, counts, strict=True)]
    variance = sum(v * (1 - v) / count for v, count in zip((p, q), counts, strict=True))
    value = q - p
    return Change(
        value,
        float(value - np.hypot(q - q_low, p_high - p)),
        float(value + np.hypot(q_high - q, p - p_low)),
        float(stats.fisher_exact(table)[1]),
        float(POWER_FACTOR * np.sqrt(variance)),
    )
