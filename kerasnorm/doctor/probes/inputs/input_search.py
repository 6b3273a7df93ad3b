"""Searches scale and offset of images by the loss, where no statistics tell them."""

import numpy as np
from scipy import optimize

from kerasnorm.doctor.probes.inputs.input_map import InputMap
from kerasnorm.doctor.probes.inputs.input_trials import ALIKE, Trials
from kerasnorm.doctor.sampling.samples import Samples

# Where the images as given are changed first: logarithms of scales, and offsets in
# standard deviations.
GRID = [
    (scale, offset) for scale in (-1.5, 0.0, 1.5) for offset in (-3, -1.5, 0, 1.5, 3)
]
# Passes that each refinement makes at most, and its first steps.
PASSES, FIRST_STEPS = 20, (0.7, 0.7)
# Largest logarithm of a change of scale.
LARGEST = 6.0


def search_map(
    trials: Trials, unchanged: InputMap, usual: InputMap, samples: Samples
) -> tuple[InputMap, int]:
    """Return the scale and offset, alike in all channels, of the lowest loss.

    Args:
        trials: The model.
        unchanged: The map that changes nothing: its surroundings are searched.
        usual: Another map to begin from.
        samples: Samples that choose.

    Returns:
        The map, and how many were tried.
    """
    found: list[tuple[float, InputMap]] = []

    def loss_of(theta: np.ndarray, start: InputMap, spread: float) -> float:
        images = _changed(start, theta, spread)
        found.append((trials.mean_loss(samples, images), images))
        return found[-1][0]

    spreads = [float(m.apply(samples.inputs).std()) for m in (unchanged, usual)]
    around = [loss_of(np.array(theta), unchanged, spreads[0]) for theta in GRID]
    begin = np.array(GRID[int(np.argmin(around))], float)
    for start, first, spread in zip(
        (unchanged, usual), (begin, np.zeros(2)), spreads, strict=True
    ):
        steps = np.concatenate([np.zeros((1, 2)), np.diag(FIRST_STEPS)])
        optimize.minimize(
            loss_of,
            first,
            (start, spread),
            "Nelder-Mead",
            options={"initial_simplex": first + steps, "maxfev": PASSES, "fatol": 1e-3},
        )
    best = min(loss for loss, _ in found)
    # Of equals, one that leaves the channels where they are.
    alike = [pair for pair in found if pair[0] <= best + ALIKE]
    images = min(alike, key=lambda pair: (pair[1].is_reordered, pair[0]))[1]
    return images, len(found)


def _changed(start: InputMap, theta: np.ndarray, spread: float) -> InputMap:
    """Return a map with its outcome shifted, then scaled.

    Many networks hardly see a scale; the shift must not depend on it.
    """
    scale = float(np.exp(np.clip(theta[0], -LARGEST, LARGEST)))
    offset = scale * float(theta[1]) * spread
    return InputMap(
        tuple(scale * s for s in start.scale),
        tuple(scale * o + offset for o in start.offset),
        start.order,
        start.axis,
    )
