"""Which inputs the moving statistics of the first norm speak for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np
from scipy import optimize

from kerasnorm.doctor.probes.inputs.first_norm import (
    OUTLIER,
    FirstNorm,
    NormInputs,
    find_first_norm,
)
from kerasnorm.doctor.probes.inputs.input_map import InputMap, identity, named_maps

# Part of the initial statistics that may be left: above it they tell nothing.
MOST_LAG = 0.5
# Residual, in units of what is normal, below which images fit.
NORMAL = 3.0
# Fraction of the residual of the images as given that a map may leave.
CLEARLY = 0.3
# Weak knowledge about the answer: channels are scaled and shifted alike, within so
# many natural logarithms and standard deviations. It decides what filters do not see.
ALIKE = 1.0
# Where every prediction is a pass, a fit ends after so many seconds.
FIT_SECONDS = 3.0


@dataclass(frozen=True)
class StatisticsOfInputs:
    """Which maps the moving statistics of the first norm speak for.

    Args:
        norm: The norm.
        misfit: Residual of its statistics from those of the images as given.
        maps: Maps that fit better, with their residual: usual preparations first,
            the best of each kind first.
    """

    norm: FirstNorm
    misfit: float
    maps: tuple[tuple[InputMap, float], ...]

    @property
    def acquits(self) -> bool:
        """Whether the images as given fit, but for the order of their channels."""
        return self.misfit < NORMAL


def read_expected_inputs(
    model: keras.Model,
    x: np.ndarray,
    axis: int,
    steps: int | None,
    usual: Sequence[InputMap] | None = None,
) -> StatisticsOfInputs | None:
    """Estimate from its moving statistics which inputs a network was trained on.

    Args:
        model: A built model.
        x: Training images, or features, as they are given to it now.
        axis: Axis of their channels.
        steps: Training steps, None or 0 where unknown.
        usual: Maps to try, by default all `named_maps`; of images others are fitted.

    Returns:
        The maps to try, None where the statistics tell nothing.
    """
    norm = find_first_norm(model, x, steps)
    if norm is None:
        return None
    inputs = NormInputs(model, norm, x, axis)
    # Steps since it was compiled: statistics of a pretrained network are older.
    maps = list(named_maps(x, axis)) if usual is None else list(usual)
    tried = [_with_lag(inputs, lag, maps) for lag in {norm.lag, 0.0}]
    now, found, lag = min(tried, key=lambda one: one[1][0][1])
    inputs.norm = replace(norm, lag=lag)
    if lag > MOST_LAG:
        return StatisticsOfInputs(inputs.norm, now, ())
    if now >= NORMAL and x.ndim == 4:
        # Fits begin at the best named map of each order.
        starts = {images.order: images for images, _ in reversed(found)}
        fitted = [fit_map(inputs, start) for start in starts.values()]
        found = found[:2] + [(m, inputs.misfit(m)) for m in fitted if m is not None]
    limit = max(CLEARLY * now, NORMAL)
    better = [pair for pair in found if pair[1] < limit]
    # Where a usual preparation fits, nothing speaks for any other numbers.
    better.sort(key=lambda pair: (pair[0].preparation is None, pair[1]))
    return StatisticsOfInputs(inputs.norm, now, tuple(better))


def _with_lag(
    inputs: NormInputs, lag: float, maps: Sequence[InputMap]
) -> tuple[float, list[tuple[InputMap, float]], float]:
    """Return the residual of the images as given, and those of usual preparations."""
    inputs.norm = replace(inputs.norm, lag=lag)
    found = [(images, inputs.misfit(images)) for images in maps]
    found.sort(key=lambda pair: pair[1])
    return inputs.misfit(identity(inputs.x, inputs.axis)), found, lag


def fit_map(inputs: NormInputs, start: InputMap) -> InputMap | None:
    """Fit scale and offset of every channel to the moving statistics.

    Args:
        inputs: What predicts the statistics.
        start: Where to begin; its order is kept.

    Returns:
        The map, None where the norm has too few channels to tell.
    """
    count = inputs.count
    if len(inputs.norm.mean) < 2 * count:
        return None
    others = tuple(i for i in range(inputs.x.ndim) if i != inputs.axis % inputs.x.ndim)
    spread = float(np.mean(inputs.x.std(axis=others))) + 1e-12
    centre = inputs.x.mean(axis=others)[np.array(start.order)]

    # Logarithms of the scales, and where the mean of each channel comes to lie in
    # units of its standard deviation: numbers of one size for every range.
    def images(theta: np.ndarray) -> InputMap:
        scale = np.exp(np.clip(theta[:count], -60, 60))
        offset = scale * (theta[count:] * spread - centre)
        return InputMap(tuple(scale), tuple(offset), start.order, inputs.axis)

    def residuals(theta: np.ndarray) -> np.ndarray:
        parts = (theta[:count], theta[count:])
        weak = [(part - part.mean()) / ALIKE for part in parts]
        return np.concatenate([inputs.residuals(images(theta)), *weak])

    scale, offset = np.abs(start.scale), np.array(start.offset)
    theta = np.concatenate([np.log(scale), (offset / scale + centre) / spread])
    theta[:count] += _wider(inputs, start)
    # All residuals count in full until most of them are small.
    for loss in ("linear", "soft_l1"):
        theta = optimize.least_squares(
            residuals,
            theta,
            loss=loss,
            f_scale=OUTLIER,
            max_nfev=_steps(inputs, start),
        ).x
    return images(theta)


def _steps(inputs: NormInputs, images: InputMap) -> int:
    """Return how many steps a fit may take."""
    if inputs.is_affine:
        return 200
    begin = time.perf_counter()
    inputs.moments(images)
    each = (2 * inputs.count + 1) * (time.perf_counter() - begin)
    return int(np.clip(FIT_SECONDS / each, 3, 60))


def _wider(inputs: NormInputs, images: InputMap) -> float:
    """Return the logarithm by which variances ask for another common scale."""
    variance, lag = inputs.moments(images)[1], inputs.norm.lag
    moving = (inputs.norm.variance - lag) / (1 - lag)
    seen = (variance > 1e-12 * variance.max()) & (moving > 0)
    if not seen.any():
        return 0.0
    return float(np.median(np.log(moving[seen] / variance[seen])) / 2)
