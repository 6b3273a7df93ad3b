"""How well outputs of a classifier fit hard labels: loss, confidence, skill."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import optimize

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.forward.statistics import Pass
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.ragged import is_ragged
from kerasnorm.doctor.sampling.samples import Samples

# Probabilities are clipped as Keras clips them, so that both losses agree.
SMALLEST_PROBABILITY = 1e-7
# With more classes a bias for each of them would fit chance.
MOST_BIASES = 20
# Weight of the penalty that keeps biases small where a class is rare.
BIAS_PENALTY = 0.01
# Fewer samples do not say how sure outputs should be.
FEWEST_TO_CALIBRATE = 16
# The compiled loss counts as the hard-label loss if it differs by less.
SAME_LOSS = 1e-3
# Part of the prior entropy that outputs must explain: below it a network has learned
# little.
LITTLE_SKILL = 0.1
# Interval of an accuracy that still counts as guessing, in standard errors.
GUESSING = 2.58
# Losses of probabilities are exact up to here: float32 tells 1 - 1e-6 from 1.
LARGEST_EXACT = 10.0


def log_probabilities(outputs: Any, from_logits: bool) -> np.ndarray | None:
    """Turn outputs of a classifier into log probabilities of its classes.

    Args:
        outputs: Probabilities or logits of (samples, classes); one column counts as
            the second of two classes.
        from_logits: Whether the loss takes the outputs for logits.

    Returns:
        An array of (samples, classes), None for outputs of another kind.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim not in (1, 2):
        return None
    if is_ragged(outputs):
        return None
    values = outputs.reshape(len(outputs), -1).astype("float64")
    if not np.isfinite(values).all():
        return None
    single = values.shape[1] == 1
    if from_logits:
        logits = values
        if single:
            logits = np.concatenate([np.zeros_like(values), values], axis=1)
        return logits - _log_sum(logits)
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        return None
    if single:
        values = np.concatenate([1 - values, values], axis=1)
    values = values / np.maximum(
        values.sum(axis=1, keepdims=True), SMALLEST_PROBABILITY
    )
    return np.log(np.clip(values, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY))


def _log_sum(logits: np.ndarray) -> np.ndarray:
    largest = logits.max(axis=1, keepdims=True)
    return largest + np.log(np.exp(logits - largest).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Scores:
    """Outputs of one cell against hard labels.

    Args:
        labels: Class numbers of (samples,).
        log_p: Log probabilities of (samples, classes).
    """

    labels: np.ndarray
    log_p: np.ndarray

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether the most probable class is the label, (samples,)."""
        return self.log_p.argmax(axis=1) == self.labels

    @cached_property
    def loss(self) -> np.ndarray:
        """Hard-label loss of each sample in nats, (samples,)."""
        return -self.log_p[np.arange(len(self.labels)), self.labels]

    @cached_property
    def calibrated_loss(self) -> np.ndarray:
        """Hard-label loss after temperature and class biases, fitted on the other half.

        It says what the outputs know, whatever their confidence.

        Reference:
            Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599.
        """
        if len(self.labels) < FEWEST_TO_CALIBRATE:
            return self.loss
        order = np.random.default_rng(0).permutation(len(self.labels))
        halves = np.array_split(order, 2)
        losses = np.empty(len(self.labels))
        for fitted, other in (halves, halves[::-1]):
            slope, biases = _calibrate(self.log_p[fitted], self.labels[fitted])
            scores = slope * self.log_p[other] + biases
            log_p = scores - _log_sum(scores)
            losses[other] = -log_p[np.arange(len(other)), self.labels[other]]
        return losses

    @property
    def accuracy(self) -> float:
        """Fraction of samples whose most probable class is their label."""
        return float(self.correct.mean())

    @property
    def confidence(self) -> float:
        """Mean probability of the most probable class."""
        return float(np.exp(self.log_p.max(axis=1)).mean())

    @cached_property
    def guessing(self) -> float:
        """Accuracy of always answering with the most frequent class."""
        return float(np.bincount(self.labels).max() / len(self.labels))

    @cached_property
    def prior_entropy(self) -> float:
        """Loss of always answering with the class fractions, in nats."""
        fractions = np.bincount(self.labels) / len(self.labels)
        fractions = fractions[fractions > 0]
        return float(-(fractions * np.log(fractions)).sum())

    @cached_property
    def skill(self) -> tuple[float, float, float]:
        """Part of the prior entropy that the outputs explain, with its 95% interval.

        0 for outputs that know nothing about the labels, 1 for perfect ones.
        """
        gained = 1 - self.calibrated_loss / max(self.prior_entropy, 1e-12)
        error = 1.96 * gained.std() / np.sqrt(len(gained))
        value = float(gained.mean())
        return value, value - float(error), value + float(error)

    @property
    def is_guessing(self) -> bool:
        """Whether the accuracy cannot be told from guessing."""
        error = (self.guessing * (1 - self.guessing) / len(self.labels)) ** 0.5
        above = self.accuracy > self.guessing + GUESSING * error
        # With unequal classes outputs may know much and still name the largest class.
        return not above and self.skill[1] < LITTLE_SKILL / 2

    @property
    def show_little(self) -> bool:
        """Whether the outputs know little of the labels, of which there are several."""
        if self.prior_entropy == 0:
            return False
        return self.is_guessing or self.skill[2] < LITTLE_SKILL

    def to_dict(self) -> dict[str, float]:
        """Return the means as JSON values."""
        return {
            "accuracy": self.accuracy,
            "hard_label_loss": float(self.loss.mean()),
            "calibrated_loss": float(self.calibrated_loss.mean()),
            "confidence": self.confidence,
        }


def _calibrate(log_p: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Fit the inverse temperature and the class biases by maximum likelihood."""
    count, classes = log_p.shape
    biased = classes <= MOST_BIASES
    chosen = np.zeros((count, classes))
    chosen[np.arange(count), labels] = 1

    def value_and_gradient(theta: np.ndarray):
        slope, biases = np.exp(theta[0]), theta[1:] if biased else np.zeros(classes)
        scores = slope * log_p + biases
        normal = scores - _log_sum(scores)
        value = -(normal * chosen).sum() / count + BIAS_PENALTY * (biases**2).sum()
        error = (np.exp(normal) - chosen) / count
        gradient = [(error * log_p).sum() * slope]
        if biased:
            gradient = [*gradient, *(error.sum(axis=0) + 2 * BIAS_PENALTY * biases)]
        return value, np.array(gradient)

    start = np.zeros(1 + (classes if biased else 0))
    bounds = [(-9.0, 3.0)] + [(None, None)] * (len(start) - 1)
    theta = optimize.minimize(
        value_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds
    ).x
    return float(np.exp(theta[0])), theta[1:] if biased else np.zeros(classes)


def score(samples: Samples, outputs: Any, from_logits: bool) -> Scores | None:
    """Compare outputs with hard labels.

    Args:
        samples: Samples with class labels; soft ones count as their largest class.
        outputs: Outputs of the model, (samples, classes) or (samples, 1).
        from_logits: Whether the loss takes the outputs for logits.

    Returns:
        The scores, None where labels are no classes of these outputs.
    """
    labels = samples.classes()
    log_p = log_probabilities(outputs, from_logits)
    if labels is None or log_p is None or len(labels) != len(log_p):
        return None
    if not len(labels) or labels.max() >= log_p.shape[1]:
        return None
    return Scores(labels, log_p)


def score_cells(
    outputs: Mapping[Cell, Any],
    train: Samples,
    validation: Samples | None,
    loss: LossOfSamples | None,
) -> dict[Cell, Scores]:
    """Compare the outputs of every cell of the loss matrix with hard labels.

    Args:
        outputs: Outputs by cell.
        train: Training samples.
        validation: Validation samples, None without.
        loss: The loss that says what outputs are, None without labels.

    Returns:
        Scores of the cells that can be scored.
    """
    found = {}
    for cell, values in outputs.items():
        samples = train if cell.split_name == "train" else validation
        if loss is not None and samples is not None:
            found[cell] = score(samples, values, loss.from_logits)
    return {cell: scores for cell, scores in found.items() if scores is not None}


def loss_to_judge_by(compiled: LossOfSamples, samples: Samples, found: Pass):
    """Return the loss to judge by: of hard labels where the labels allow it.

    Smoothing, mixing, focal terms and class weights change what a loss of 0.3 means;
    with hard labels it means the same for every model and both splits.

    Args:
        compiled: The loss as compiled.
        samples: Training samples.
        found: Outputs of the model for them, and their compiled losses.

    Returns:
        `compiled` itself where it is the hard-label loss already or labels are no
        classes, otherwise the hard-label loss.
    """
    scores = score(samples, found.outputs, compiled.from_logits)
    if scores is None:
        return compiled
    # Keras takes the logits where probabilities have no digits left.
    exact = scores.loss < LARGEST_EXACT
    if not compiled.by_batch and np.allclose(
        found.losses[exact], scores.loss[exact], rtol=SAME_LOSS, atol=SAME_LOSS
    ):
        return compiled
    return LossOfSamples(
        "hard_label_crossentropy",
        False,
        None,
        from_logits=compiled.from_logits,
        of_outputs=_hard_loss(samples, compiled.from_logits),
    )


def _hard_loss(like: Samples, from_logits: bool):
    def of(y: Any, outputs: Any) -> np.ndarray:
        count = len(outputs)
        some = Samples(None, y, None, (count,), is_regression=like.is_regression)
        scores = score(some, outputs, from_logits)
        return np.full(count, np.nan) if scores is None else scores.loss

    return of
