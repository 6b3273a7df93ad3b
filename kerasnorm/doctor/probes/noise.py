"""Measures how often labels contradict what two witnesses agree on."""

from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.doctor.losses import class_probabilities
from kerasnorm.doctor.probes.short_training import CannotCloneError, ShortTraining
from kerasnorm.doctor.samples import Samples

# Fewer samples leave the rate of contradicted labels open.
SMALLEST_NUMBER = 100
# The witness: Adam at a rate that suits most small networks, and few enough steps that
# it cannot learn single labels. Batches of 64 average wrong labels out: with them and
# shifted pictures it knows 93% of the true labels where 34% are wrong, else 53%.
RATE, MOST_STEPS, FEWEST_STEPS = 4e-3, 200, 30
WITNESS_BATCH = 64
# Without memory of its training labels a network has not learned wrong ones.
MEMORIZED = 0.85


@dataclass(frozen=True)
class Disagreement:
    """How labels disagree with two witnesses, where these are confident.

    Args:
        rate: Share of contradicted labels among the samples of the more confident half
            on which the witnesses agree.
        low: Lower 95% limit of that share.
        agreement: Share of the more confident half on which the witnesses agree: near
            1 where the task can be learned from these samples, below 0.9 where not.
        accuracy: Accuracy of the first witness on samples it has not seen.
        guessing: Share of labels that the most frequent class gets wrong.
        compared: Samples on which the witnesses were compared.
        training_accuracy: Accuracy of the model on training samples: near 1 if it
            learned its labels by heart.
    """

    rate: float
    low: float
    agreement: float
    accuracy: float
    guessing: float
    compared: int
    training_accuracy: float


def measure_disagreement(
    model: keras.Model,
    train: Samples,
    train_outputs: np.ndarray,
    held: Samples,
    seconds: float,
) -> Disagreement | None:
    """Compare labels with two copies trained shortly on other samples.

    Networks learn what labels have in common first and single wrong labels last, so a
    short training on a part of the samples gives a witness that has not learned the
    wrong ones by heart. Two of them, from different new weights, agree where the task
    can be learned; where it is merely hard they go their own ways. If labels
    contradict both even where both are confident, the labels are to blame.

    Args:
        model: The model; a copy with new weights is trained.
        train: Training samples.
        train_outputs: Outputs of the model for them.
        held: Validation samples.
        seconds: Time for the trainings.

    Returns:
        The comparison, None where this is no classification, the model does not know
        its training labels by heart, samples are few or it cannot be copied.
    """
    labels, known = held.classes(), train.classes()
    own = class_probabilities(train_outputs)
    if labels is None or known is None or own is None:
        return None
    if max(labels.max(), known.max()) >= own.shape[1]:
        return None
    accuracy = float((own.argmax(axis=1) == known).mean())
    if accuracy < MEMORIZED:
        return None
    order = np.random.default_rng(2).permutation(train.count)
    kept, left = np.split(order, [int(0.75 * train.count)])
    size = max(train.batch_size, WITNESS_BATCH)
    try:
        training = ShortTraining(
            model, keras.optimizers.Adam(RATE), _part(train, kept, size), varied=True
        )
    except CannotCloneError:
        return None
    each = 2 * max(training.seconds_per_step, 1e-6)
    steps = int(min(MOST_STEPS, 0.7 * seconds / each))
    parts = [part for part in (_part(train, left, 64), held) if part.count]
    classes = np.concatenate([part.classes() for part in parts])
    if steps < FEWEST_STEPS or len(classes) < SMALLEST_NUMBER:
        return None
    shares: list[np.ndarray] = []
    for witness in range(2):
        training.restart(new_weights=witness)
        training.run(steps, falling=True)
        outputs = [class_probabilities(training.outputs(part)) for part in parts]
        found = [part for part in outputs if part is not None]
        if len(found) < len(parts):
            return None
        shares.append(np.concatenate(found))
    return _compare(classes, shares, accuracy)


def _part(samples: Samples, numbers: np.ndarray, size: int) -> Samples:
    sizes = [len(part) for part in np.split(numbers, range(size, len(numbers), size))]
    return Samples(*samples.take(numbers), tuple(sizes))


def _compare(
    labels: np.ndarray, shares: list[np.ndarray], training_accuracy: float
) -> Disagreement:
    first, second = (part.argmax(axis=1) for part in shares)
    confidence = np.minimum(*(_confidence(part) for part in shares))
    top = confidence >= np.median(confidence)
    agreed = top & (first == second)
    count = max(int(agreed.sum()), 1)
    rate = float((first[agreed] != labels[agreed]).mean()) if agreed.any() else 0.0
    error = np.sqrt(max(rate * (1 - rate), 1 / count) / count)
    return Disagreement(
        rate,
        float(rate - 1.96 * error),
        float((first == second)[top].mean()),
        float((first == labels).mean()),
        float(1 - np.bincount(labels).max() / len(labels)),
        len(labels),
        training_accuracy,
    )


def _confidence(shares: np.ndarray) -> np.ndarray:
    """Return the rank of each sample's margin: ranks ignore overconfidence."""
    ordered = np.sort(np.log(np.clip(shares, 1e-12, 1)), axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    return margin.argsort().argsort() / len(margin)
