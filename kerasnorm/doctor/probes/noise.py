"""Measures how often confident predictions and labels disagree, as chance would not."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from kerasnorm.doctor.losses import class_probabilities
from kerasnorm.doctor.samples import Samples

# Fewer samples leave the rate of confident errors open.
SMALLEST_NUMBER = 100


@dataclass(frozen=True)
class Disagreement:
    """How labels disagree with held-out predictions of growing confidence.

    Args:
        rate: Share of labels that disagree however confident the prediction, estimated
            as the distance of the accuracy's ceiling from 1.
        gain: Log-likelihood that such a ceiling wins over none, in nats.
        accuracy: Accuracy on the validation samples.
        confident_errors: Share of errors among the most confident fifth.
        training_accuracy: Accuracy on the training samples: near 1 if the network
            learned its labels by heart.
    """

    rate: float
    gain: float
    accuracy: float
    confident_errors: float
    training_accuracy: float


def measure_disagreement(
    train: Samples, train_outputs: np.ndarray, held: Samples, held_outputs: np.ndarray
) -> Disagreement | None:
    """Fit accuracy against confidence on samples that the network was not trained on.

    A network that generalizes badly errs where it is unsure; where labels are wrong
    by chance, the most confident predictions are contradicted as often as others.

    Args:
        train: Training samples.
        train_outputs: Outputs of the model for them.
        held: Validation samples.
        held_outputs: Outputs of the model for them.

    Returns:
        The comparison, None where this is no classification or samples are few.
    """
    labels, known = held.classes(), train.classes()
    shares, own = class_probabilities(held_outputs), class_probabilities(train_outputs)
    if labels is None or known is None or shares is None or own is None:
        return None
    if (
        len(labels) < SMALLEST_NUMBER
        or max(labels.max(), known.max()) >= shares.shape[1]
    ):
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
        float((own.argmax(axis=1) == known).mean()),
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
