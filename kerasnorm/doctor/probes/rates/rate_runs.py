"""Single trainings at multiples of one learning rate, and what each of them shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from kerasnorm.doctor.loss_matrix.scores import score
from kerasnorm.doctor.probes.labels.labels import label_entropy
from kerasnorm.doctor.probes.rates.short_training import ShortTraining
from kerasnorm.doctor.sampling.samples import Samples

# Steps that a right rate takes to learn something of most data; some networks need
# hundreds.
SHORT = 60
# Steps after which a loss is looked at: one that is no number ends the training.
ROUND = 10
# Last part of the steps over which the rate falls to zero: without it the noise of the
# steps makes a slower rate win at any rate.
COOLED = 0.3
# Part of the entropy of the classes that a slower training has to explain, three times:
# where a fifth of the labels is wrong the best possible network explains 0.28. A
# training that explains more before it is cooled down needs no more steps.
LEARNED, CLEARLY = 0.05, 0.15
# Times the training loss of a slower rate from which that of a rate has exploded.
EXPLODED = 10.0


class Outcome(NamedTuple):
    """What a training gave, on samples left out of it.

    Args:
        loss: Calibrated loss, infinite where the training diverged.
        skill: Part of the entropy of the classes explained, beyond what the new
            weights explained.
        moved: Change of the weights relative to their norm.
        training_loss: Mean compiled loss over the steps, infinite where it was no
            number, NaN where steps of the user's own tell none.
    """

    loss: float
    skill: float
    moved: float
    training_loss: float = np.nan

    @property
    def learned(self) -> bool:
        """Whether the training taught something."""
        return self.skill > LEARNED

    def exploded_beside(self, slower: "Outcome") -> bool:
        """Return whether the training loss is many times that of a slower training."""
        exploded = has_exploded([self.training_loss], [slower.training_loss])
        return exploded and not self.learned


def has_exploded(losses: Sequence[float], slower: Sequence[float]) -> bool:
    """Return whether every training loss is many times every one of slower trainings.

    Args:
        losses: Training losses at a rate, infinite where they were no numbers, NaN
            where they are not known.
        slower: Those at a slower one.
    """
    if not losses or not slower:
        return False
    # Of numbers with a NaN among them NumPy gives NaN, which compares as false.
    least, worst = np.min(losses), np.max(slower)
    return bool(0 < worst < np.inf and least >= EXPLODED * worst)


@dataclass
class _Start:
    """New weights: their seed, and what of the labels they already explain."""

    seed: int | None = None
    known: float = 0.0


class RateRuns:
    """Trainings at multiples of one rate.

    Args:
        training: A copy of the model that can start anew.
        held_out: Samples to judge by.
        from_logits: Whether the loss takes the outputs for logits.
        rate: The model's learning rate.
    """

    def __init__(
        self, training: ShortTraining, held_out: Samples, from_logits: bool, rate: float
    ) -> None:
        self.training, self.held_out = training, held_out
        self.from_logits, self.rate = from_logits, rate
        self.chance = label_entropy(held_out) or 0.0
        self.start = _Start()

    def _score(self):
        found = self.training.outputs(self.held_out)
        return score(self.held_out, found, self.from_logits)

    def _begin(self, seed: int) -> None:
        """Take the new weights of a seed, again where they were the last ones."""
        if seed == self.start.seed:
            self.training.restart()
            return
        self.training.draw(seed)
        scores = self._score()
        # Even an untrained network may explain something.
        self.start = _Start(seed, max(scores.skill[0], 0.0) if scores else 0.0)

    def run(self, factor: float, steps: int, seed: int = 0) -> Outcome:
        """Train from new weights and cool down.

        A training whose loss is no number ends, and a long one that has clearly
        learned.

        Args:
            factor: Multiple of the rate.
            steps: Number of steps.
            seed: Decides the weights and the order of the batches.
        """
        training = self.training
        self._begin(seed)
        left = (steps - np.arange(steps)) / (COOLED * steps)
        rates = self.rate * factor * np.minimum(1.0, left)
        losses: list[float] = []
        for first in range(0, steps, ROUND):
            loss = training.run(rates[first : first + ROUND], first)
            if loss is not None and not np.isfinite(loss):
                return Outcome(np.inf, 0.0, training.change_of_weights(), np.inf)
            losses.append(np.nan if loss is None else loss)
            taken = first + ROUND
            if taken < steps and taken % SHORT == 0:
                scores = self._score()
                if scores and scores.skill[0] - self.start.known > CLEARLY:
                    break
        mean = float(np.mean(losses))
        end, moved = self._score(), training.change_of_weights()
        if end is None:
            return Outcome(np.inf, 0.0, moved, mean)
        skill = end.skill[0] - self.start.known
        return Outcome(float(end.calibrated_loss.mean()), skill, moved, mean)
