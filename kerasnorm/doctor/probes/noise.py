"""Measures how often confident predictions and labels disagree, as chance would not."""

from dataclasses import dataclass

import keras
import numpy as np
from scipy import optimize, special

from kerasnorm.doctor.losses import class_probabilities
from kerasnorm.doctor.probes.short_training import CannotCloneError, ShortTraining
from kerasnorm.doctor.samples import Samples

# Fewer samples leave the rate of confident errors open.
SMALLEST_NUMBER = 100
# The witness: Adam at a rate that suits most small networks, and few enough steps that
# it cannot learn single labels.
RATE, MOST_STEPS, FEWEST_STEPS = 4e-3, 240, 30


@dataclass(frozen=True)
class Disagreement:
    """How labels disagree with held-out predictions of growing confidence.

    Args:
        rate: Share of labels that disagree however confident the prediction, estimated
            as the distance of the accuracy's ceiling from 1.
        gain: Log-likelihood that such a ceiling wins over none, in nats.
        accuracy: Accuracy of the witness on the held-out samples.
        confident_errors: Share of errors among the most confident fifth.
        training_accuracy: Accuracy of the model on training samples: near 1 if it
            learned its labels by heart.
    """

    rate: float
    gain: float
    accuracy: float
    confident_errors: float
    training_accuracy: float


def measure_disagreement(
    model: keras.Model,
    train: Samples,
    train_outputs: np.ndarray,
    held: Samples,
    seconds: float,
) -> Disagreement | None:
    """Compare labels with the confidence of a copy trained shortly on other samples.

    Networks learn what labels have in common first and single wrong labels last, so a
    short training on a part of the samples is a witness that has not learned the wrong
    ones by heart. Where the task is merely hard, the witness errs where it is unsure;
    where labels are wrong by chance, its most confident predictions are contradicted
    as often as others.

    Args:
        model: The model; a copy with new weights is trained.
        train: Training samples.
        train_outputs: Outputs of the model for them.
        held: Validation samples.
        seconds: Time for the training.

    Returns:
        The comparison for the split (or both) that shows more, None where this is no
        classification, samples are few or the model cannot be copied.
    """
    labels, known = held.classes(), train.classes()
    own = class_probabilities(train_outputs)
    if labels is None or known is None or own is None:
        return None
    if max(labels.max(), known.max()) >= own.shape[1]:
        return None
    order = np.random.default_rng(2).permutation(train.count)
    kept, left = np.split(order, [int(0.75 * train.count)])
    try:
        training = ShortTraining(
            model, keras.optimizers.Adam(RATE), _part(train, kept, train.batch_size)
        )
    except CannotCloneError:
        return None
    steps = int(min(MOST_STEPS, 0.7 * seconds / max(training.seconds_per_step, 1e-6)))
    if steps < FEWEST_STEPS:
        return None
    training.run(steps, falling=True)
    accuracy = float((own.argmax(axis=1) == known).mean())
    judged: list[tuple[np.ndarray, np.ndarray]] = []
    for part in (_part(train, left, 64), held):
        classes, shares = part.classes(), class_probabilities(training.outputs(part))
        if classes is None or shares is None:
            return None
        judged.append((classes, shares))
    together = [np.concatenate(parts) for parts in zip(*judged, strict=True)]
    judged.append((together[0], together[1]))
    found = [_compare(classes, shares, accuracy) for classes, shares in judged]
    return max(
        (one for one in found if one is not None),
        key=lambda one: one.gain,
        default=None,
    )


def _part(samples: Samples, numbers: np.ndarray, size: int) -> Samples:
    sizes = [len(part) for part in np.split(numbers, range(size, len(numbers), size))]
    return Samples(*samples.take(numbers), tuple(sizes))


def _compare(
    labels: np.ndarray, shares: np.ndarray, training_accuracy: float
) -> Disagreement | None:
    if len(labels) < SMALLEST_NUMBER:
        return None
    logs = np.log(np.clip(shares, 1e-12, 1))
    ordered = np.sort(logs, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    right = logs.argmax(axis=1) == labels
    # Ranks do not care how overconfident the network is.
    height = margin.argsort().argsort() / len(margin)
    rate, gain = _fit_ceiling(height, right, 1 / shares.shape[1])
    top = height >= 0.8
    return Disagreement(
        rate,
        gain,
        float(right.mean()),
        float((~right[top]).mean()),
        training_accuracy,
    )


def _fit_ceiling(height: np.ndarray, right: np.ndarray, chance: float):
    """Return the ceiling's distance from 1 and what it adds to the likelihood."""

    def cost(parameters: np.ndarray, ceiling: float) -> float:
        slope, start = parameters
        learned = special.expit(slope * (height - start))
        p = np.clip(chance + (ceiling - chance) * learned, 1e-6, 1 - 1e-6)
        return -float(np.where(right, np.log(p), np.log(1 - p)).sum())

    def best(ceiling: float) -> float:
        starts = ((4.0, 0.3), (20.0, 0.5), (4.0, -0.5))
        return min(
            optimize.minimize(
                cost, start, (ceiling,), "L-BFGS-B", bounds=((0, 60), (-2, 2))
            ).fun
            for start in starts
        )

    ceilings = np.linspace(1.0, max(chance + 0.02, 0.4), 25)
    costs = [best(ceiling) for ceiling in ceilings]
    winner = int(np.argmin(costs))
    return float(1 - ceilings[winner]), float(costs[0] - costs[winner])
