"""Estimates the fraction of wrong labels, from models that never saw them."""

from dataclasses import replace

import numpy as np

from kerasnorm.doctor.probes.labels.image_features import (
    channels_last,
    seconds_per_image,
)
from kerasnorm.doctor.probes.labels.noise_estimate import (
    SMALLEST_NUMBER,
    SUSPECTED,
    LabelNoiseEstimate,
)
from kerasnorm.doctor.probes.labels.noise_plateau import (
    group_by_margin,
    measure_plateau,
)
from kerasnorm.doctor.probes.labels.noise_tests import measure_excess
from kerasnorm.doctor.probes.labels.reference_models import (
    ReferenceModel,
    choose_model,
    similarities,
    similarities_of_values,
    without_duplicates,
)
from kerasnorm.doctor.probes.labels.suspects import (
    Compared,
    Network,
    list_suspects,
)
from kerasnorm.doctor.sampling.samples import Samples

# Numbers of samples to choose from, by the time there is: it grows with their cube.
NUMBERS = (3000, 2500, 2000, 1500, 1000, 500, 250)
# What the models of 3,000 samples cost, in features of so many images.
COST_OF_MODELS = 3000
# Area under the ROC curve from which the splits differ, by whatever it is.
DIFFERENT = 0.55
# Inputs that are no images: more values are no table of quantities.
MOST_VALUES = 5000


def estimate_label_noise(
    train: Samples,
    validation: Samples,
    seconds: float | None = None,
    network: Network | None = None,
) -> LabelNoiseEstimate | None:
    """Look for labels that reference models contradict more than their errors explain.

    Args:
        train: Training samples without augmentation, if there are any.
        validation: Validation samples.
        seconds: Time there is, for which fewer samples may be used; None for any.
        network: Log probabilities that the examined network gives; called only where
            wrong labels are proved, to find more of them.

    Returns:
        The estimate, None where inputs are no single array, labels no classes, or
        samples are few.
    """
    if not all(_is_usable(split) for split in (train, validation)):
        return None
    if train.x.shape[1:] != validation.x.shape[1:]:
        return None
    limit = NUMBERS[0] if seconds is None else _affordable(train.x, seconds)
    validation_part = validation.thinned(max(limit // 2, limit - train.count))
    train_part = train.thinned(limit - validation_part.count)
    inputs = [channels_last(split.x) for split in (train_part, validation_part)]
    images = inputs[0].ndim == 4
    kernels = (similarities if images else similarities_of_values)(inputs)
    kept = without_duplicates(kernels)
    kernels = {name: k[np.ix_(kept, kept)] for name, k in kernels.items()}
    # A class without samples would only change what guessing is.
    numbers, labels = np.unique(
        np.concatenate([train_part.classes(), validation_part.classes()])[kept],
        return_inverse=True,
    )
    training, classes = kept < train_part.count, len(numbers)
    if classes < 2 or min(training.sum(), (~training).sum()) < SMALLEST_NUMBER:
        return None
    mean = np.mean(list(kernels.values()), axis=0)
    model, ridge = choose_model(mean, labels, classes)
    said = model.predict(labels, classes)
    wrong = said.predicted != labels
    excess = measure_excess(wrong, said.margin, training, classes)
    comparable = _separation(model, training) < DIFFERENT
    pool = training | comparable
    family_z = []
    if comparable and excess is not None and excess.z >= SUSPECTED:
        for kernel in kernels.values():
            alone = ReferenceModel(kernel, ridge).predict(labels, classes)
            contradicted = alone.predicted != labels
            found = measure_excess(contradicted, alone.margin, training, classes)
            family_z.append(0.0 if found is None else found.z)
    estimate = LabelNoiseEstimate(
        float(1 - wrong.mean()),
        (int(training.sum()), int((~training).sum())),
        comparable,
        excess,
        tuple(family_z),
        measure_plateau(group_by_margin(wrong[pool], said.margin[pool], classes))
        if images
        else None,
        int(pool.sum()),
    )
    if not estimate.proved:
        return estimate
    compared = Compared(train_part, validation_part, kept, labels, said.scores, numbers)
    suspects = list_suspects(compared, estimate.fraction[0], network)
    return replace(estimate, suspects=suspects)


def _is_usable(split: Samples) -> bool:
    x, classes = split.x, split.classes()
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub" or classes is None:
        return False
    if x.ndim != 4 and x[0].size > MOST_VALUES:
        return False
    return split.count >= SMALLEST_NUMBER and not _is_mixed(split.labels)


def _is_mixed(y: np.ndarray) -> bool:
    """Return whether labels are mixed: of two images, not of one, and smoothed."""
    return bool(y.ndim == 2 and y.shape[1] > 1 and np.ptp(y.max(axis=1)) > 1e-3)


def _affordable(x: np.ndarray, seconds: float) -> int:
    """Return how many samples can be compared in the time there is."""
    if x.ndim != 4:
        return NUMBERS[0]
    each = seconds_per_image(channels_last(x[:64]))
    for number in NUMBERS:
        models = COST_OF_MODELS * (number / NUMBERS[0]) ** 3
        if each * (number + models) <= seconds:
            return number
    return NUMBERS[-1]


def _separation(model: ReferenceModel, training: np.ndarray) -> float:
    """Return the lower limit of the area with which the model tells the splits."""
    fraction = training.mean()
    scores = model.scores((training - fraction)[:, None])[:, 0]
    # Leaving a sample out moves the mean away from it: the split is no news.
    scores = scores - (training - fraction) / len(training)
    ranks = scores.argsort().argsort() + 1.0
    trained, other = int(training.sum()), int((~training).sum())
    area = (ranks[training].sum() - trained * (trained + 1) / 2) / (trained * other)
    return float(area - 1.96 * np.sqrt((1 / trained + 1 / other) / 12))
