"""Measures labels: their order in the batches, and how outputs count the classes."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from kerasnorm.doctor.loss_matrix.bootstrap import lower_limit, permutation_p
from kerasnorm.doctor.sampling.samples import Samples

# Fewer batches or samples cannot show an order that chance would not.
SMALLEST_NUMBER_OF_BATCHES = 4


@dataclass(frozen=True)
class LabelOrder:
    """How mixed the classes are inside training batches.

    Args:
        entropy: Mean label entropy of the batches, in nats.
        shuffled: The same after shuffling all labels.
        p_value: How often shuffling gives so little entropy.
        batches: Number of batches seen.
    """

    entropy: float
    shuffled: float
    p_value: float
    batches: int


def measure_label_order(samples: Samples) -> LabelOrder | None:
    """Compare the label entropy of batches with that of shuffled batches.

    Args:
        samples: Training samples in the batches in which they came.

    Returns:
        The comparison, None where labels are no classes or batches are too few.
    """
    # Quantities that come in runs are ordered as well.
    classes = replace(samples, is_regression=False).classes()
    batches = [batch for batch in samples.batches() if len(batch) > 1]
    if classes is None or len(batches) < SMALLEST_NUMBER_OF_BATCHES:
        return None
    numbers = np.unique(classes, return_inverse=True)[1]
    if numbers.max() == 0:
        return None
    count = int(numbers.max()) + 1

    def entropy(labels: np.ndarray) -> float:
        return float(np.mean([_entropy(labels[b], count) for b in batches]))

    observed = entropy(numbers)
    nulls: list[float] = []

    def null(generator: np.random.Generator) -> float:
        nulls.append(entropy(generator.permutation(numbers)))
        return nulls[-1]

    p_value = permutation_p(observed, null)
    return LabelOrder(observed, float(np.mean(nulls)), p_value, len(batches))


def _entropy(labels: np.ndarray, count: int) -> float:
    probabilities = np.bincount(labels, minlength=count) / len(labels)
    probabilities = probabilities[probabilities > 0]
    return float(-(probabilities * np.log(probabilities)).sum())


def label_entropy(samples: Samples) -> float | None:
    """Return the loss in nats of always predicting the fraction of each class."""
    classes = samples.classes()
    if classes is None:
        return None
    numbers = np.unique(classes, return_inverse=True)[1]
    return _entropy(numbers, int(numbers.max()) + 1)


def softness(samples: Samples) -> float:
    """Return the loss in nats that soft labels cost a perfect prediction, else 0.

    Args:
        samples: Samples; label smoothing and MixUp make their labels soft.
    """
    y = samples.labels
    if samples.classes() is None or y.ndim != 2 or y.shape[1] < 2:
        return 0.0
    probabilities = np.clip(y.astype("float64"), 1e-12, 1.0)
    return float(-(y * np.log(probabilities)).sum(axis=1).mean())


@dataclass(frozen=True)
class ClassPermutation:
    """What exchanging classes does to the validation result.

    Args:
        mapping: Class of the labels for each output that fits best.
        loss: Cross-entropy as it is, on the outputs given.
        loss_permuted: Cross-entropy with the classes exchanged, where the exchange
            was chosen on other samples.
        low: Lower 95% limit of the fall of the loss.
        accuracy: Accuracy as it is.
        accuracy_permuted: Accuracy with the classes exchanged.
        gain_on_training: Fall of the training loss with the same exchange: one that
            helps both splits is no difference of theirs.
        loss_on_training: Cross-entropy of training samples as they are.
    """

    mapping: tuple[int, ...]
    loss: float
    loss_permuted: float
    low: float
    accuracy: float
    accuracy_permuted: float
    gain_on_training: float = 0.0
    loss_on_training: float = 0.0


def measure_class_permutation(
    samples: Samples,
    outputs: np.ndarray,
    training: tuple[Samples, np.ndarray] | None = None,
) -> ClassPermutation | None:
    """Find the exchange of classes that fits the outputs best.

    The exchange is chosen on one half of the samples and judged on the other, both
    ways round; chance finds a better exchange only on the half it was chosen on.

    Args:
        samples: Validation samples.
        outputs: Outputs of the model for them.
        training: Training samples and the outputs for them, to try the exchange on.

    Returns:
        The comparison, None where this is no classification.
    """
    classes, probabilities = samples.classes(), class_probabilities(outputs)
    if classes is None or probabilities is None or samples.count < 8:
        return None
    count = probabilities.shape[1]
    if classes.max() >= count:
        return None
    order = np.random.default_rng(0).permutation(samples.count)
    halves = np.array_split(order, 2)
    permuted = np.empty_like(probabilities)
    for chosen_on, judged_on in (halves, halves[::-1]):
        mapping = _best_mapping(classes[chosen_on], probabilities[chosen_on], count)
        permuted[judged_on[:, None], mapping] = probabilities[judged_on]
    before, after = (_cross_entropy(s, classes) for s in (probabilities, permuted))
    differences = before - after
    mapping = _best_mapping(classes, probabilities, count)
    return ClassPermutation(
        tuple(int(i) for i in mapping),
        float(before.mean()),
        float(after.mean()),
        lower_limit(differences),
        float((probabilities.argmax(axis=1) == classes).mean()),
        float((permuted.argmax(axis=1) == classes).mean()),
        *((0.0, 0.0) if training is None else _gain(mapping, *training)),
    )


def _gain(
    mapping: np.ndarray, samples: Samples, outputs: np.ndarray
) -> tuple[float, float]:
    """Return how far the loss of samples falls with an exchange, and their loss."""
    classes, probabilities = samples.classes(), class_probabilities(outputs)
    if (
        classes is None
        or probabilities is None
        or classes.max() >= probabilities.shape[1]
    ):
        return 0.0, 0.0
    permuted = np.empty_like(probabilities)
    permuted[:, mapping] = probabilities
    before, after = (_cross_entropy(s, classes) for s in (probabilities, permuted))
    return float((before - after).mean()), float(before.mean())


def class_probabilities(outputs: np.ndarray) -> np.ndarray | None:
    """Turn outputs of a classifier into probabilities of (samples, classes).

    Args:
        outputs: Probabilities or logits of (samples, classes), one column for two
            classes.

    Returns:
        Probabilities, or None for outputs of another shape or that are not numbers.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return None
    if not np.isfinite(outputs).all():
        return None
    values = outputs.astype("float64")
    if values.shape[1] == 1:
        if values.min() < 0 or values.max() > 1:
            values = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        return np.concatenate([1 - values, values], axis=1)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-2):
        values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def _best_mapping(classes, probabilities, count: int) -> np.ndarray:
    """Return the class for each output: the assignment of the greatest agreement."""
    agreement = np.zeros((count, count))
    np.add.at(agreement.T, classes, probabilities)
    return optimize.linear_sum_assignment(-agreement)[1]


def _cross_entropy(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    of_label = probabilities[np.arange(len(classes)), classes]
    return -np.log(np.clip(of_label, 1e-7, 1.0))
