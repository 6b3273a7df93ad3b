"""Finds properties that differ between the splits, and what that costs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kerasnorm.doctor.loss_matrix.proportions import Change, paired_change
from kerasnorm.doctor.probes.images.looked_at import ImageSet, Network

# Level of the test, divided by the number of properties, and the area from which a
# difference is worth a word.
LEVEL, APART = 0.001, 0.6
# Properties that are tried, and samples that they are tried on.
TRIED, MOST = 3, 256


@dataclass(frozen=True)
class Drift:
    """One property that differs between the splits.

    Args:
        name: Name of the property.
        area: Area under the curve of telling the splits by it.
        train: Median over training images.
        validation: Median over validation images.
        gain: Hard-label loss of validation samples minus that with the property moved
            to where training images have it, with 95% interval.
        change: Accuracy of the same samples with the property moved, minus as it is.
        accuracy: Their accuracy as they are.
        gain_on_training: What the same change saves of training samples.
    """

    name: str
    area: float
    train: float
    validation: float
    gain: tuple[float, float, float]
    change: Change
    accuracy: float
    gain_on_training: float


def find_drifts(train: ImageSet, validation: ImageSet) -> list[tuple[float, str]]:
    """Return area and name of the properties that differ, the clearest first.

    Splits are compared class by class: other fractions of the classes are no drift of
    the images.

    Args:
        train: Training images, without augmentation where there are such.
        validation: Validation images.

    Reference:
        van Elteren, "On the combination of independent two-sample tests of Wilcoxon",
        Bulletin of the International Statistical Institute 37, 1960.
    """
    found = []
    for name, values in train.properties.items():
        others = validation.properties[name]
        excess = weight = 0.0
        for number in np.intersect1d(train.labels, validation.labels):
            own, other = (
                values[train.labels == number],
                others[validation.labels == number],
            )
            test = stats.mannwhitneyu(own, other)
            pairs = len(own) * len(other)
            precision = 12 * pairs / (len(own) + len(other) + 1)
            excess += precision * (float(test.statistic) / pairs - 0.5)
            weight += precision
        if not weight:
            continue
        area = 0.5 + abs(excess) / weight
        p_value = 2 * stats.norm.sf(abs(excess) / weight**0.5)
        if p_value * len(train.properties) < LEVEL and area >= APART:
            found.append((float(area), name))
    return sorted(found, reverse=True)


def measure_drifts(
    train: ImageSet, validation: ImageSet, network: Network
) -> Iterator[Drift]:
    """Yield what the properties that differ cost, one after another.

    Args:
        train: Training images with answers.
        validation: Validation images with answers.
        network: The network.
    """
    for area, name in find_drifts(train, validation)[:TRIED]:
        values, others = train.properties[name], validation.properties[name]
        moved = float(np.median(values) - np.median(others))
        tried = _shift(validation, network, name, moved)
        # What makes any image easier is no difference of the splits.
        same = _shift(train, network, name, moved)
        if tried is None or same is None:
            continue
        saved, change, accuracy = tried
        error = 1.96 * saved.std() / len(saved) ** 0.5
        gain = float(saved.mean())
        yield Drift(
            name,
            area,
            float(np.median(values)),
            float(np.median(others)),
            (gain, gain - float(error), gain + float(error)),
            change,
            accuracy,
            float(same[0].mean()),
        )


def _shift(
    images: ImageSet, network: Network, name: str, moved: float
) -> tuple[np.ndarray, Change, float] | None:
    """Return the loss saved by moving a property, the change of accuracy, accuracy."""
    count = len(images.labels)
    chosen = np.linspace(0, count - 1, min(count, MOST)).round().astype(int)
    wanted = images.properties[name][chosen] + moved
    scores = network.answer(images.changed(name, wanted, chosen))
    if scores is None:
        return None
    before = images.scores
    change = paired_change(before.correct[chosen], scores.correct)
    accuracy = float(before.correct[chosen].mean())
    return before.loss[chosen] - scores.loss, change, accuracy
