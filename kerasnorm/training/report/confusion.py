"""What a confusion matrix says: classes, confused pairs, shades, and certainty."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import binomtest

SHADES = 10


@dataclasses.dataclass(frozen=True)
class ClassFigures:
    """How one class fares.

    Args:
        name: The class.
        images: Validation images of it.
        recall: Fraction of them that is recognized, 0 to 1; None without images.
        precision: Fraction of the images taken for it that are of it, 0 to 1; None
            if there are none.
        taken_for: Class it is most often mistaken for; None without mistakes.
    """

    name: str
    images: int
    recall: float | None
    precision: float | None
    taken_for: str | None


@dataclasses.dataclass(frozen=True)
class Pair:
    """A class and what it is mistaken for.

    Args:
        true_class: Name of the class of the images.
        predicted_class: Name of the class the model takes them for.
        count: Images, 1 or more.
        fraction: Fraction of the images of the true class, above 0 to 1.
    """

    true_class: str
    predicted_class: str
    count: int
    fraction: float


def wilson_interval(fraction: float, total: int) -> tuple[float, float]:
    """Return the 95% confidence interval of a fraction, by Wilson's method.

    It stays inside 0 to 1 and has its width also where the fraction is 0 or 1, which
    the textbook interval has not.

    Args:
        fraction: Observed fraction, 0 to 1; what rounding puts outside is cut off.
        total: Number of observations, 1 or more.

    Returns:
        Lower and upper end, 0 to 1.
    """
    hits = round(min(max(fraction, 0.0), 1.0) * total)
    interval = binomtest(hits, total).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def class_figures(
    confusion: np.ndarray, class_names: Sequence[str]
) -> list[ClassFigures]:
    """Return the figures of each class, the least recognized first.

    Args:
        confusion: Counts of shape (classes, classes); rows are true classes.
        class_names: Names of the classes.
    """
    images = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)
    figures = []
    for place, name in enumerate(class_names):
        hits = int(confusion[place, place])
        others = confusion[place].copy()
        others[place] = 0
        figures.append(
            ClassFigures(
                name=name,
                images=int(images[place]),
                recall=_fraction(hits, images[place]),
                precision=_fraction(hits, predicted[place]),
                taken_for=class_names[int(others.argmax())] if others.any() else None,
            )
        )
    return sorted(figures, key=lambda one: 2.0 if one.recall is None else one.recall)


def confused_pairs(
    confusion: np.ndarray, class_names: Sequence[str], limit: int = 10
) -> list[Pair]:
    """Return the pairs of classes with the most mistakes, most first.

    Args:
        confusion: Counts of shape (classes, classes); rows are true classes.
        class_names: Names of the classes.
        limit: Largest number of pairs, 0 or more.
    """
    images = confusion.sum(axis=1)
    mistakes = confusion.copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
    pairs = []
    for true, predicted in zip(*np.unravel_index(order, mistakes.shape), strict=True):
        count = int(mistakes[true, predicted])
        if count:
            pairs.append(
                Pair(
                    class_names[true],
                    class_names[predicted],
                    count,
                    count / int(images[true]),
                )
            )
    return pairs


def shades(confusion: np.ndarray) -> np.ndarray:
    """Return how dark each cell is drawn: its fraction of its row in tenths.

    Args:
        confusion: Counts of shape (classes, classes); rows are true classes.

    Returns:
        Int array of the same shape, 0 to 10; 0 only where the count is 0, so that a
        single mistake among thousands can be seen.
    """
    images = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    return np.ceil(SHADES * confusion / images).astype(int)


def _fraction(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
