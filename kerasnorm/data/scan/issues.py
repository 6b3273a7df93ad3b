"""Images that are unlike what a folder holds otherwise: dark, blurred, of odd size."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from kerasnorm.data.scan.properties import ImageProperties

ISSUES = {
    "dark": "hardly anything is brighter than black",
    "light": "hardly anything is darker than white",
    "blurry": "out of focus or enlarged",
    "low_information": "nearly one colour",
    "odd_size": "much larger or smaller than the folder's middle image",
    "odd_aspect_ratio": "much longer than wide, or wider than long",
    "grayscale": "without colour in a folder of colour images",
}
"""What an image may be, and what is meant by it."""


@dataclasses.dataclass(frozen=True)
class Issue:
    """A file that has an issue.

    Args:
        path: The file.
        score: 1 for a perfect image, 0 for the worst.
    """

    path: str
    score: float


# Scores below which an image has an issue: between photos as they are and the planted
# faults of `python -m benchmarks.scan_issues`.
LIMITS = {
    "dark": 0.35,
    "light": 0.25,
    "blurry": 0.41,
    "low_information": 0.25,
    "odd_aspect_ratio": 0.35,
}
SCORES: dict[str, Callable[[ImageProperties], float]] = {
    "dark": lambda image: image.bright_end,
    "light": lambda image: 1 - image.dark_end,
    "blurry": lambda image: 1 - image.blur,
    "low_information": lambda image: image.entropy / 8,
    "odd_aspect_ratio": lambda image: image.aspect_ratio,
}
# Sizes are compared by their logarithms: so many times the distance between quartiles
# from the middle, and at least this factor.
SIZE_SPREADS = 4
SIZE_FACTOR = 1.5


def find_issues(
    images: Sequence[tuple[str, ImageProperties]],
) -> dict[str, tuple[Issue, ...]]:
    """Find the images that are unlike the others of their folder.

    What most images of a folder are is no issue: X-rays are dark and gray. Such a
    folder is judged by its own spread.

    Args:
        images: Path and properties of every file.

    Returns:
        Issues by the keys of `ISSUES`, the worst first; every key is there.
    """
    found = {}
    paths = [path for path, _ in images]
    for name, score_of in SCORES.items():
        scores = np.array([score_of(image) for _, image in images])
        found[name] = _below(paths, scores, _limit(scores, LIMITS[name]))
    sides = np.array([image.side for _, image in images])
    found["odd_size"] = _odd_sizes(paths, sides)
    gray = np.array([image.is_gray for _, image in images], bool)
    is_odd = gray & (gray.mean() < 0.5 if len(gray) else False)
    found["grayscale"] = _below(paths, np.where(is_odd, 0.0, 1.0), 0.5)
    return {name: found[name] for name in ISSUES}


def _limit(scores: np.ndarray, limit: float) -> float:
    """Return the limit; where most images are below it, one far below them."""
    if len(scores) == 0:
        return limit
    low, middle, high = np.quantile(scores, [0.25, 0.5, 0.75])
    if middle >= limit:
        return limit
    return float(min(middle / 2, low - 1.5 * (high - low)))


def _odd_sizes(paths: Sequence[str], sides: np.ndarray) -> tuple[Issue, ...]:
    if len(sides) == 0:
        return ()
    octaves = np.log2(sides)
    low, middle, high = np.quantile(octaves, [0.25, 0.5, 0.75])
    allowed = max(SIZE_SPREADS * (high - low), np.log2(SIZE_FACTOR))
    distances = np.abs(octaves - middle)
    return _below(paths, 2**-distances, float(2**-allowed))


def _below(paths: Sequence[str], scores: np.ndarray, limit: float) -> tuple[Issue, ...]:
    odd = np.flatnonzero(scores < limit)
    odd = odd[np.argsort(scores[odd], kind="stable")]
    return tuple(Issue(paths[int(at)], round(float(scores[at]), 4)) for at in odd)
