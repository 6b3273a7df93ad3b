"""Finds properties that predict the label, and asks whether the network uses them."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from kerasnorm.doctor.loss_matrix.proportions import Change, paired_change
from kerasnorm.doctor.probes.images.looked_at import ImageSet, Network

# Area from which a property is worth an intervention, and how many are tried.
PREDICTS, TRIED = 0.7, 3
# Samples of either side that are changed, and fewer say nothing.
MOST, FEWEST = 128, 16


@dataclass(frozen=True)
class Shortcut:
    """What exchanging one property between a class and the others did.

    Args:
        name: Name of the property.
        number: The class.
        area: Area under the curve of telling the class by the property alone.
        kept: Fraction of samples told rightly before that still are afterwards.
        change: What that is minus all of them, with interval.
        left: Fraction of the class that is no longer taken for it.
        joined: Fraction of the others that is now taken for it.
        control: Mean of both where the property is moved as far the other way.
    """

    name: str
    number: int
    area: float
    kept: float
    change: Change
    left: float
    joined: float
    control: float


def predictive_properties(images: ImageSet) -> list[tuple[float, str, int]]:
    """Return area, property and class of what tells a class best, the best first.

    Args:
        images: Images of a split.
    """
    found = []
    classes = np.unique(images.labels)
    for name, values in images.properties.items():
        areas = [
            (_area(values, images.labels == number), int(number)) for number in classes
        ]
        area, number = max(areas)
        if area >= PREDICTS:
            found.append((area, name, number))
    return sorted(found, reverse=True)


def _area(values: np.ndarray, of_class: np.ndarray) -> float:
    first, second = values[of_class], values[~of_class]
    if min(len(first), len(second)) < FEWEST:
        return 0.0
    test = stats.mannwhitneyu(first, second)
    area = float(test.statistic / (len(first) * len(second)))
    return max(area, 1 - area)


def measure_shortcuts(train: ImageSet, seen: ImageSet, network: Network):
    """Yield what the network makes of exchanged properties, one after another.

    Args:
        train: Training images, which say what predicts the label.
        seen: Images with answers, of which right ones are changed.
        network: The network.
    """
    for area, name, number in predictive_properties(train)[:TRIED]:
        found = _exchange(seen, network, name, number, area)
        if found is not None:
            yield found


def _exchange(
    images: ImageSet, network: Network, name: str, number: int, area: float
) -> Shortcut | None:
    answers = images.scores.log_p.argmax(axis=1) == number
    of_class = images.labels == number
    generator = np.random.default_rng(0)
    sides = []
    for side in (of_class, ~of_class):
        known = np.flatnonzero(side & (answers == of_class))
        if len(known) < FEWEST:
            return None
        sides.append(np.sort(generator.permutation(known)[:MOST]))
    values = images.properties[name]
    # Every rank of one side gets the value of that rank of the other: nothing is
    # changed to what the network has not met.
    quantiles = [np.sort(values[side]) for side in (of_class, ~of_class)]
    moved: list[np.ndarray] = []
    control: list[np.ndarray] = []
    for own, other, chosen in zip(quantiles, quantiles[::-1], sides, strict=True):
        ranks = np.searchsorted(own, values[chosen]) / max(len(own) - 1, 1)
        wanted = np.quantile(other, np.clip(ranks, 0, 1))
        away = 2 * values[chosen] - wanted
        for results, target in ((moved, wanted), (control, away)):
            scores = network.answer(images.changed(name, target, chosen))
            if scores is None:
                return None
            results.append(scores.log_p.argmax(axis=1) == number)
    left, joined = 1 - moved[0].mean(), moved[1].mean()
    after = np.concatenate([moved[0], ~moved[1]])
    change = paired_change(np.ones_like(after), after)
    return Shortcut(
        name,
        number,
        area,
        float(after.mean()),
        change,
        float(left),
        float(joined),
        float((1 - control[0].mean() + control[1].mean()) / 2),
    )
