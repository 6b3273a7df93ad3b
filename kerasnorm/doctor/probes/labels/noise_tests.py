"""Tests whether labels are wrong, or the images merely hard.

A reference model contradicts a label because the label is wrong or because the model
errs; the rate alone tells nothing. Its errors on other samples, of the same margin, do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Groups of like margin in which training and validation are compared.
STRATA = 6
# Fewer samples of a split in a stratum tell nothing.
FEWEST = 5
# Quantile of 95% intervals, and of a power of 0.9 at the level of `PROVED`.
QUANTILE = 1.96
PROVED = 3.3
POWER = PROVED + 1.28


@dataclass(frozen=True)
class Excess:
    """Fraction of wrong training labels beyond that of validation labels.

    Args:
        fraction: Its estimate; negative where validation labels are contradicted more.
        low: Lower 95% limit.
        high: Upper 95% limit.
        z: The estimate in standard errors of no excess.
        detectable: Smallest fraction that would have been proved, with power 0.9.
    """

    fraction: float
    low: float
    high: float
    z: float
    detectable: float


def measure_excess(
    contradicted: np.ndarray, margin: np.ndarray, training: np.ndarray, classes: int
) -> Excess | None:
    """Compare contradicted labels of training and validation at equal margins.

    Wrong labels that both splits have in common cancel.

    Args:
        contradicted: Booleans of `(samples,)`: the model predicts another class.
        margin: Margins of its predictions, `(samples,)`.
        training: Booleans of `(samples,)`: training, not validation.
        classes: Number of classes, at least 2.

    Returns:
        The excess, None where the model knows nothing that could tell.
    """
    strata = list(_strata(contradicted, margin, training, classes))
    if not strata:
        return None
    weight = np.array([stratum.weight for stratum in strata])
    variance = np.array([stratum.variance(stratum.pooled) for stratum in strata])
    excess = np.array([stratum.excess for stratum in strata])
    information = (weight**2 / variance).sum()
    fraction = float((weight * excess / variance).sum() / information)
    error = float(information**-0.5)
    return Excess(
        fraction,
        fraction - QUANTILE * error,
        fraction + QUANTILE * error,
        fraction / error,
        _detectable(strata),
    )


@dataclass(frozen=True)
class _Stratum:
    """Samples of like margin: counts of both splits, and how often labels differ."""

    train: int
    other: int
    error: float
    pooled: float
    excess: float
    weight: float

    def variance(self, rate: float) -> float:
        return rate * (1 - rate) * (1 / self.train + 1 / self.other)


def _strata(contradicted, margin, training, classes) -> Iterator[_Stratum]:
    order = margin.argsort(kind="stable")
    for part in np.array_split(order, STRATA):
        train, other = part[training[part]], part[~training[part]]
        if min(len(train), len(other)) < FEWEST:
            continue
        # Half an error more and one sample more keep the variance of a stratum without
        # contradictions above 0.
        error = (contradicted[other].sum() + 0.5) / (len(other) + 1)
        pooled = (contradicted[part].sum() + 0.5) / (len(part) + 1)
        # A wrong label may happen to be what a wrong prediction says.
        weight = 1 - error * classes / (classes - 1)
        if weight > 0:
            excess = contradicted[train].mean() - contradicted[other].mean()
            yield _Stratum(len(train), len(other), error, pooled, excess, weight)


def _detectable(strata: list[_Stratum]) -> float:
    """Return the smallest fraction that would be proved with a power of 0.9."""
    for fraction in np.arange(0.005, 1, 0.005):
        information = 0.0
        for s in strata:
            part = s.train / (s.train + s.other)
            rate = min(s.error + part * fraction * s.weight, 0.999)
            information += s.weight**2 / s.variance(rate)
        if fraction * information**0.5 >= POWER:
            return float(fraction)
    return 1.0
