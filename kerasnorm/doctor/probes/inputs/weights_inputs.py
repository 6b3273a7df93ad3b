"""Which inputs frozen weights were trained on, told by a classifier trained anew."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.doctor.loss_matrix.proportions import Change, paired_change
from kerasnorm.doctor.probes.inputs.expected_inputs import (
    FEWEST,
    SAMPLES,
    is_other,
)
from kerasnorm.doctor.probes.inputs.input_map import InputMap, channel_axis
from kerasnorm.doctor.probes.inputs.input_statistics import read_expected_inputs
from kerasnorm.doctor.probes.inputs.input_trials import SURE_POINTS, part_of
from kerasnorm.doctor.probes.near_duplicates.features import features_of
from kerasnorm.doctor.sampling.samples import Samples

# Part of the residual of the images as given that a preparation may leave.
LEFT = 0.2


@dataclass(frozen=True)
class InputsOfWeights:
    """A preparation that frozen weights know, and another that they are given.

    Args:
        images: What the given images have to go through.
        norm: Path of the frozen norm that tells it.
        misfit: Residual of its moving statistics from those of the images as given
            and as mapped, in units of what is normal.
        accuracy: Accuracy of a new classifier on features of the images as given and
            as mapped, on samples that it was not trained on.
        change: The difference, with interval.
    """

    images: InputMap
    norm: str
    misfit: tuple[float, float]
    accuracy: tuple[float, float]
    change: Change


def measure_inputs_of_weights(
    model: keras.Model, train: Samples
) -> InputsOfWeights | None:
    """Find the usual preparation that frozen batch norms were trained on.

    A classifier that was trained on the features of wrong inputs is lost where they
    are made right: so a new one is trained on either half of the samples, and counts.

    Args:
        model: The model, inside `state.restored_after`.
        train: Training samples as they are given to the network.

    Returns:
        The preparation, None where the inputs are right or nothing is proved.
    """
    frozen = set(batch_norms(model, frozen=True)) - set(batch_norms(model))
    x, labels = train.inputs, train.classes()
    axis = channel_axis(x.shape) if isinstance(x, np.ndarray) else None
    if not frozen or labels is None or axis is None or train.count < FEWEST:
        return None
    order = np.random.default_rng(0).permutation(train.count)[: 2 * SAMPLES]
    half = len(order) // 2
    known = read_expected_inputs(model, x[np.sort(order[:half])], axis, None)
    if known is None or known.norm.path not in frozen:
        return None
    found = next(
        (
            (images, residual)
            for images, residual in known.maps
            if images.preparation and is_other(images, x)
        ),
        None,
    )
    if found is None or found[1] > LEFT * known.misfit:
        return None
    images, residual = found
    few = part_of(train, np.sort(order))
    given = _correct(features_of(model, few), labels[np.sort(order)])
    mapped = few.with_inputs(images.apply(few.inputs))
    right = _correct(features_of(model, mapped), labels[np.sort(order)])
    change = paired_change(given, right)
    if change.low < SURE_POINTS:
        return None
    return InputsOfWeights(
        images,
        known.norm.path,
        (known.misfit, residual),
        (float(given.mean()), float(right.mean())),
        change,
    )


def _correct(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what classifiers of one half get right of the other, and the reverse."""
    from sklearn.linear_model import LogisticRegression

    correct = np.zeros(len(labels), bool)
    is_first = np.random.default_rng(1).permutation(len(labels)) % 2 == 0
    for learned in (is_first, ~is_first):
        mean, std = features[learned].mean(axis=0), features[learned].std(axis=0)
        ready = np.nan_to_num((features - mean) / np.maximum(std, 1e-6))
        if len(set(labels[learned].tolist())) < 2:
            continue
        classifier = LogisticRegression(C=0.01, max_iter=300)
        classifier.fit(ready[learned], labels[learned])
        correct[~learned] = classifier.predict(ready[~learned]) == labels[~learned]
    return correct
