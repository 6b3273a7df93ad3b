"""Validation images that are crops or edits of training images."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.probes.labels.image_features import as_bytes
from kerasnorm.doctor.probes.leakage import FEW_VALUES
from kerasnorm.doctor.probes.near_duplicates.features import features_of, nearest
from kerasnorm.doctor.probes.near_duplicates.matching import (
    Places,
    details,
    find_places,
    fit,
)
from kerasnorm.doctor.sampling.samples import Samples

# Validation images looked at first, and where one of them has a twin; with 5% of twins
# 96 hold none in one of 140 data sets.
FIRST, MOST = 96, 384
NEIGHBOURS = 3
SMALLEST_SIDE = 32
# Correlation of twins: 99% of crops of 75 to 100% reach 0.8, no two of 1,274 pairs of
# other photos 0.66. A first place from which a fit can reach it, and how many are
# tried.
LIKE, WORTH_A_FIT, MOST_FITS = 0.8, 0.45, 96
# Of what is missing to a perfect fit, the part that twins may leave, and the number of
# pairs of one class whose fit is the measure.
LEFT, OF_CHANCE = 0.4, 128
SHOWN = 3


@dataclass(frozen=True)
class Twins:
    """Validation images that are laid over training images.

    Args:
        numbers: Numbers of the validation samples looked at.
        found: Which of these have a twin.
        like_at_first: Correlation of twins as they are, median; NaN without any.
        like_when_laid: The same with one laid over the other.
        like_by_chance: What nine in ten pairs of one class do not reach.
        needed: Correlation from which a pair counts as twins.
        agreeing: Fraction of twins that have one label, NaN without labels.
        agreeing_by_chance: The same of pairs drawn at random.
        compared: Training and validation images compared.
        images: Some twins to look at, with captions.
    """

    numbers: np.ndarray
    found: np.ndarray
    like_at_first: float
    like_when_laid: float
    like_by_chance: float
    needed: float
    agreeing: float
    agreeing_by_chance: float
    compared: tuple[int, int]
    images: tuple[tuple[str, np.ndarray], ...] = ()


def find_twins(model: keras.Model, train: Samples, validation: Samples) -> Twins | None:
    """Look for near neighbours in the network's own features that match as images.

    Args:
        model: The model, wrapped in `state.restored_after`.
        train: Training samples, without augmentation where there are such.
        validation: Validation samples.

    Returns:
        What was found, None where the inputs are no photos of one size.
    """
    images, others = train.images(), validation.images()
    if images is None or others is None or images.shape[1:] != others.shape[1:]:
        return None
    if images.shape[3] > 4 or min(images.shape[1:3]) < SMALLEST_SIDE:
        return None
    if len(np.unique(images[0])) <= FEW_VALUES:
        return None
    order = np.random.default_rng(0).permutation(validation.count)
    known = features_of(model, train)
    search = _Search(model, train, validation, known)
    first = search.look_at(order[:FIRST])
    if first is None or not first.found.any() or len(order) <= FIRST:
        return first
    return search.look_at(order[:MOST])


class _Search:
    """Compares validation images with the training images nearest to them.

    Args:
        model: The model.
        train: Training samples.
        validation: Validation samples.
        known: Features of the training samples.
    """

    def __init__(
        self, model: keras.Model, train: Samples, validation: Samples, known: np.ndarray
    ) -> None:
        self.model, self.train, self.validation = model, train, validation
        self.known = known

    def look_at(self, numbers: np.ndarray) -> Twins | None:
        """Compare some of the validation images."""
        numbers = np.sort(numbers)
        asked = self.validation.only(numbers)
        features = features_of(self.model, asked)
        if features.shape[1] != self.known.shape[1]:
            return None
        near = nearest(features, self.known, NEIGHBOURS)
        mine = np.repeat(np.arange(len(numbers)), near.shape[1])
        pairs = np.stack([mine, near.ravel()], axis=1)
        theirs, ours = details(self.train.inputs, asked.inputs)
        chance = self._by_chance(ours, theirs, numbers)
        needed = max(LIKE, 1 - LEFT * (1 - chance))
        places = find_places(ours, theirs, pairs)
        pairs, places = _best_of_each(pairs, places, near.shape[1])
        likeness = places.likeness.copy()
        unsure = np.flatnonzero((likeness > WORTH_A_FIT) & (likeness < needed))
        unsure = unsure[np.argsort(-likeness[unsure])][:MOST_FITS]
        fitted = fit(ours, theirs, pairs[unsure], places.only(unsure))
        likeness[unsure] = np.maximum(likeness[unsure], fitted)
        found = likeness >= needed
        return self._describe(numbers, pairs, likeness, found, ours, theirs, chance)

    def _by_chance(self, ours, theirs, numbers) -> float:
        generator = np.random.default_rng(1)
        mine = generator.integers(len(ours), size=OF_CHANCE)
        other = generator.integers(len(theirs), size=OF_CHANCE)
        labels, known = self.validation.classes(), self.train.classes()
        if labels is not None and known is not None:
            # Images of one class look alike by what they show.
            for place, number in enumerate(labels[numbers][mine]):
                same = np.flatnonzero(known == number)
                if len(same):
                    other[place] = generator.choice(same)
        likeness = find_places(ours, theirs, np.stack([mine, other], axis=1)).likeness
        return float(np.quantile(likeness, 0.9))

    def _describe(self, numbers, pairs, likeness, found, ours, theirs, chance) -> Twins:
        mine, other = pairs[found].T
        at_first = (ours[mine] * theirs[other]).mean(axis=(1, 2))
        needed = max(LIKE, 1 - LEFT * (1 - chance))
        labels, known = self.validation.classes(), self.train.classes()
        agreeing = expected = float("nan")
        if labels is not None and known is not None and found.any():
            agreeing = float((labels[numbers][mine] == known[other]).mean())
            most = max(labels.max(), known.max()) + 1
            counts = (np.bincount(part, minlength=most) for part in (labels, known))
            first, second = (part / part.sum() for part in counts)
            expected = float((first * second).sum())
        return Twins(
            numbers,
            found,
            float(np.median(at_first)) if found.any() else float("nan"),
            float(np.median(likeness[found])) if found.any() else float("nan"),
            chance,
            needed,
            agreeing,
            expected,
            (self.train.count, len(numbers)),
            self._images(numbers[mine[:SHOWN]], other[:SHOWN]),
        )

    def _images(self, mine, other) -> tuple[tuple[str, np.ndarray], ...]:
        low, high = (float(f(self.train.inputs)) for f in (np.min, np.max))
        return tuple(
            (caption, as_bytes(image, low, high))
            for a, b in zip(mine, other, strict=True)
            for caption, image in (
                ("validation", self.validation.inputs[a]),
                ("its twin in training", self.train.inputs[b]),
            )
        )


def _best_of_each(
    pairs: np.ndarray, places: Places, count: int
) -> tuple[np.ndarray, Places]:
    """Return the best of the `count` pairs that each first image has."""
    best = places.likeness.reshape(-1, count).argmax(axis=1)
    chosen = np.arange(len(best)) * count + best
    return pairs[chosen], places.only(chosen)
