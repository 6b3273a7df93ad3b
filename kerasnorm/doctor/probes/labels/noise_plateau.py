"""Tests whether labels of one pool are wrong: contradictions that no clarity removes.

A reference model errs less the larger its margin; a wrong label is contradicted at any
margin. The part of the contradictions that stays, as the lapse rate of a psychometric
function does, is the fraction of wrong labels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Images that are confidently taken for another class although their label is right:
# up to 6% of clean photos. Only what lies above counts.
HARD = 0.04
# Twice the difference of the log likelihoods above which wrong labels are proved: a
# one-sided level of 1%.
PROVED = 5.4
# Samples are grouped by margin: the fit depends on these groups only.
GROUPS = 40
FRACTIONS = np.arange(121) / 200
# Twice the log likelihood that a 95% interval gives away, and the quantile of a power
# of 0.9.
INTERVAL, POWER = 3.84, 1.28
# Offset and log slope of a curve: what is known of them beforehand, as mean and std.
# At a margin of 0 two classes are a tie, which fixes the offset: on clean photos and
# CIFAR-10, with 2 to 10 classes, it is -1. Without that, margins that tell nothing
# would explain any number of contradictions.
USUAL, SPREAD = np.array([-1.0, 0.0]), np.array([0.3, 10.0])
# Curves to start from, limits of a curve, and steps of Levenberg and Marquardt.
STARTS = np.array([[-1.0, 0.0], [-1.0, 1.0], [-1.0, 2.0]])
LOWEST, HIGHEST, ITERATIONS = np.array([-4.0, -3.0]), np.array([2.0, 5.0]), 30


@dataclass(frozen=True)
class Plateau:
    """Fraction of wrong labels in a pool of samples.

    Args:
        fraction: The most likely one.
        low: Lower 95% limit.
        high: Upper 95% limit.
        ratio: Twice the log likelihood that it gains over `HARD`.
        detectable: Smallest fraction that would have been proved, with power 0.9.
    """

    fraction: float
    low: float
    high: float
    ratio: float
    detectable: float


@dataclass(frozen=True)
class Margins:
    """Contradicted labels by groups of like margin.

    Args:
        margin: Mean margin of each group, in medians of all samples.
        contradicted: Contradicted labels of each group.
        count: Samples of each group.
        classes: Number of classes, at least 2.
        scale: The median that margins are divided by.
    """

    margin: np.ndarray
    contradicted: np.ndarray
    count: np.ndarray
    classes: int
    scale: float

    @cached_property
    def most(self) -> float:
        """Error of a model that knows nothing."""
        return 1 - 1 / self.classes

    def error(self, curve: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """Return the probability that the model errs at these margins.

        Args:
            curve: Offset and log slope, `(..., 2)`.
            margin: Margins of `(margins,)`.

        Returns:
            Probabilities of `(..., margins)`.
        """
        along = curve[..., :1] + np.exp(curve[..., 1:]) * margin
        return self.most / (1 + np.exp(np.clip(along, -40, 40)))

    def rate(self, error: np.ndarray, fraction: np.ndarray | float) -> np.ndarray:
        """Return how often labels are contradicted where so many are wrong."""
        return error + fraction * (1 - error / self.most)

    def fit(
        self, fractions: np.ndarray, contradicted: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fit the curve of errors for each fraction of wrong labels.

        Args:
            fractions: Wrong labels, 0 to 1, `(fractions,)`.
            contradicted: Counts to explain instead of those observed,
                `(fractions, groups)`.

        Returns:
            Log likelihoods of `(fractions,)`, and curves for `error`,
            `(fractions, 2)`.
        """
        seen = self.contradicted if contradicted is None else contradicted
        fraction = np.asarray(fractions, float)[:, None]
        curve = np.broadcast_to(STARTS[:, None], (len(STARTS), len(fraction), 2))
        value, step, information = self._look(curve, fraction, seen)
        damping = np.full(value.shape, 1e-2)
        for _ in range(ITERATIONS):
            damped = information + damping[..., None, None] * np.eye(2)
            change = np.linalg.solve(damped, step[..., None])[..., 0]
            tried = np.clip(curve + change, LOWEST, HIGHEST)
            found = self._look(tried, fraction, seen)
            better = found[0] > value
            curve = np.where(better[..., None], tried, curve)
            value = np.where(better, found[0], value)
            step = np.where(better[..., None], found[1], step)
            information = np.where(better[..., None, None], found[2], information)
            damping = np.clip(damping * np.where(better, 0.1, 10), 1e-6, 1e9)
        best = value.argmax(axis=0), np.arange(len(fraction))
        return value[best], curve[best]

    def _look(self, curve, fraction, seen):
        """Return log likelihood, its gradient, and the expected information."""
        error = self.error(curve, self.margin)
        rate = np.clip(self.rate(error, fraction), 1e-9, 1 - 1e-9)
        value = (seen * np.log(rate) + (self.count - seen) * np.log1p(-rate)).sum(-1)
        along = -error * (1 - error / self.most) * (1 - fraction / self.most)
        # Along the offset, and along the logarithm of the slope.
        by = np.stack([along, along * np.exp(curve[..., 1:]) * self.margin], axis=-1)
        residual = (seen - self.count * rate) / (rate * (1 - rate))
        gradient = (residual[..., None] * by).sum(axis=-2)
        weighted = by * (self.count / (rate * (1 - rate)))[..., None]
        unusual = (curve - USUAL) / SPREAD
        return (
            value - (unusual**2).sum(axis=-1) / 2,
            gradient - unusual / SPREAD,
            np.swapaxes(weighted, -1, -2) @ by + np.diag(SPREAD**-2),
        )


def group_by_margin(
    contradicted: np.ndarray, margin: np.ndarray, classes: int
) -> Margins:
    """Group samples of like margin.

    Args:
        contradicted: Booleans of `(samples,)`: the model predicts another class.
        margin: Margins of its predictions, `(samples,)`.
        classes: Number of classes, at least 2.
    """
    order = margin.argsort(kind="stable")
    parts = np.array_split(order, min(GROUPS, len(order)))
    scale = max(float(np.median(margin)), 1e-9)
    return Margins(
        np.array([margin[part].mean() for part in parts]) / scale,
        np.array([contradicted[part].sum() for part in parts], float),
        np.array([len(part) for part in parts], float),
        classes,
        scale,
    )


def measure_plateau(groups: Margins) -> Plateau:
    """Estimate the fraction of wrong labels from contradictions of any margin.

    Args:
        groups: What `group_by_margin` returns.

    Returns:
        The fraction, compared with as many hard images as clean data have.

    Reference:
        Wichmann and Hill, "The psychometric function: I. Fitting, sampling, and
        goodness of fit", Perception and Psychophysics 63, 2001.
    """
    likelihood, curves = groups.fit(FRACTIONS)
    best = int(likelihood.argmax())
    inside = FRACTIONS[2 * (likelihood[best] - likelihood) <= INTERVAL]
    fraction = float(FRACTIONS[best])
    hard = int(np.searchsorted(FRACTIONS, HARD))
    return Plateau(
        fraction,
        float(inside.min()),
        float(inside.max()),
        max(2 * float(likelihood[best] - likelihood[hard]), 0.0)
        if best > hard
        else 0.0,
        _detectable(groups, curves[best]),
    )


def _detectable(groups: Margins, curve: np.ndarray) -> float:
    """Return the smallest fraction whose expected counts prove it with power 0.9."""
    tried = FRACTIONS[FRACTIONS > HARD]
    error = groups.error(curve, groups.margin)
    expected = groups.count * groups.rate(error, tried[:, None])
    gain = (
        groups.fit(tried, expected)[0]
        - groups.fit(np.full(len(tried), HARD), expected)[0]
    )
    enough = np.sqrt(np.maximum(2 * gain, 0)) >= PROVED**0.5 + POWER
    return float(tried[enough][0]) if enough.any() else 1.0
