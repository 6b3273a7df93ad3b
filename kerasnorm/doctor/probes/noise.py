"""Estimates the fraction of wrong training labels, from models that never saw them."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasnorm.doctor.probes.noise_tests import PROVED, Excess, measure_excess
from kerasnorm.doctor.probes.reference_models import (
    ReferenceModel,
    similarities,
    without_duplicates,
)
from kerasnorm.doctor.samples import Samples

# Fewer samples in a split leave everything open.
SMALLEST_NUMBER = 50
# More cost minutes: time grows with the square and the cube of their number.
MOST_SAMPLES = 3000
# z of each family of features alone, where both together prove it.
SUPPORTED = 2.0
# Lower limit of the fraction from which it is worth a word.
MATERIAL = 0.02
# A fraction that may be there, z from which it is not excluded.
POSSIBLE, SUSPECTED = 0.05, 2.0
# Smallest detectable fraction from which the answer is: cannot tell.
UNSEEN = 0.10
# Area under the ROC curve from which the splits differ, by whatever it is.
DIFFERENT = 0.55


@dataclass(frozen=True)
class LabelNoiseEstimate:
    """What reference models say of the labels.

    Args:
        accuracy: Accuracy of the reference model, each sample left out.
        samples: Training and validation samples compared.
        comparable: Whether the splits look alike; otherwise images of one may be
            harder, and more contradictions prove nothing.
        excess: Wrong training labels beyond those of validation, None where the model
            knows nothing.
        family_z: z of the excess with each family of features alone.
    """

    accuracy: float
    samples: tuple[int, int]
    comparable: bool
    excess: Excess | None
    family_z: tuple[float, ...]

    @property
    def proved(self) -> bool:
        """Whether a material fraction of the training labels is wrong."""
        e = self.excess
        return (
            e is not None
            and self.comparable
            and e.z >= PROVED
            and e.low >= MATERIAL
            and min(self.family_z) >= SUPPORTED
        )

    @property
    def possible(self) -> bool:
        """Whether a material fraction is suspected, and not proved."""
        e = self.excess
        if e is None or not self.comparable or self.proved:
            return False
        return e.high >= POSSIBLE and e.z >= SUSPECTED

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self) | {"proved": self.proved, "possible": self.possible}


def describe_label_noise(estimate: LabelNoiseEstimate | None) -> str:
    """Return a sentence for the notes of an examination."""
    if estimate is None:
        return (
            "wrong labels: not examined; it takes images with class labels, at least "
            f"{SMALLEST_NUMBER} in each split"
        )
    excess = estimate.excess
    if not estimate.comparable:
        return (
            "wrong labels: cannot tell; training images differ from validation images, "
            "so that hard images look like wrong labels (plain= takes training images "
            "without augmentation)"
        )
    if excess is None or excess.detectable > UNSEEN:
        least = "none" if excess is None else f"only {excess.detectable:.0%} or more"
        return f"wrong labels: cannot tell; of these images {least} would be seen"
    if estimate.proved:
        return f"wrong labels: {excess.fraction:.0%} of the training labels"
    return (
        f"wrong labels: at most {max(excess.high, 0):.0%} of the training labels, "
        f"beyond those of validation; {excess.detectable:.0%} would have been seen"
    )


def estimate_label_noise(
    train: Samples, validation: Samples
) -> LabelNoiseEstimate | None:
    """Compare contradicted labels of training and validation.

    Args:
        train: Training samples without augmentation, if there are any.
        validation: Validation samples.

    Returns:
        The estimate, None where inputs are no images, labels no classes, or samples
        are few.
    """
    splits = [_thinned(split, MOST_SAMPLES // 2) for split in (train, validation)]
    if splits[1].count < MOST_SAMPLES // 2:
        splits[0] = _thinned(train, MOST_SAMPLES - splits[1].count)
    if min(split.count for split in splits) < SMALLEST_NUMBER:
        return None
    images = [x for split in splits if (x := split.pictures()) is not None]
    found = [y for split in splits if (y := split.classes()) is not None]
    if min(len(images), len(found)) < len(splits):
        return None
    labels = np.concatenate(found)
    classes = int(labels.max()) + 1
    if classes < 2 or np.bincount(labels).max() == len(labels):
        return None
    training = np.arange(len(labels)) < splits[0].count
    kernels = similarities(images)
    kept = without_duplicates(kernels)
    labels, training = labels[kept], training[kept]
    kernels = {name: k[np.ix_(kept, kept)] for name, k in kernels.items()}
    models = [ReferenceModel(kernel) for kernel in kernels.values()]
    together = ReferenceModel(np.mean(list(kernels.values()), axis=0))
    results = []
    for model in (together, *models):
        said = model.predict(labels, classes)
        wrong = said.predicted != labels
        results.append((wrong, measure_excess(wrong, said.margin, training, classes)))
    return LabelNoiseEstimate(
        float(1 - results[0][0].mean()),
        (int(training.sum()), int((~training).sum())),
        _separation(together, training) < DIFFERENT,
        results[0][1],
        tuple(0.0 if excess is None else excess.z for _, excess in results[1:]),
    )


def _thinned(samples: Samples, limit: int) -> Samples:
    """Return at most `limit` samples, evenly over the epoch."""
    if samples.count <= limit:
        return samples
    numbers = np.linspace(0, samples.count - 1, limit).round().astype(int)
    x, y, weights = samples.take(numbers)
    return Samples(x, y, weights, (limit,), quantities=samples.quantities)


def _separation(model: ReferenceModel, training: np.ndarray) -> float:
    """Return the lower limit of the area with which the model tells the splits."""
    share = training.mean()
    scores = model.scores((training - share)[:, None])[:, 0]
    # Leaving a sample out moves the mean away from it: the split is no news.
    scores = scores - (training - share) / len(training)
    ranks = scores.argsort().argsort() + 1.0
    own, other = int(training.sum()), int((~training).sum())
    area = (ranks[training].sum() - own * (own + 1) / 2) / (own * other)
    return float(area - 1.96 * np.sqrt((1 / own + 1 / other) / 12))
