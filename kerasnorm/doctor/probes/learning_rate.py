"""Trains new copies at the model's learning rate and at fractions of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.copies import CannotCloneError
from kerasnorm.doctor.loss_matrix.scores import score
from kerasnorm.doctor.probes.labels.labels import label_entropy
from kerasnorm.doctor.probes.optimizer import optimizers_of
from kerasnorm.doctor.probes.short_training import ShortTraining
from kerasnorm.doctor.sampling.samples import Samples

# Below this many steps nothing learns; some networks need hundreds.
FEWEST_STEPS, MOST_STEPS = 40, 400
SLOWER, FASTER = (0.1, 0.01), (10.0, 100.0)
SEEDS = 3
# Last part of the steps over which the rate falls to zero: without it the noise of the
# steps makes a slower rate win at any rate.
COOLED = 0.3
# Part of the training samples that is held out, and at most so many.
HELD_OUT, MOST_HELD_OUT = 0.25, 256
# Part of the entropy of the classes that a slower training has to explain, three times:
# where a fifth of the labels is wrong the best possible network explains 0.28.
LEARNED = 0.05


class Outcome(NamedTuple):
    """Calibrated loss of held-out samples after a training, and what it added in skill.

    A training that diverged has an infinite loss.
    """

    loss: float
    skill: float


@dataclass(frozen=True)
class RateTrial:
    """Short trainings of equal length, each cooled down, from several new weights.

    Losses are calibrated ones of held-out training samples, in nats, one for each
    seed; that of a training which diverged is infinite.

    Args:
        learning_rate: The model's learning rate.
        fraction: The fraction of it that learned best.
        steps: Steps of each training.
        chance: Loss of the class fractions.
        losses: Losses at the full rate.
        slower_losses: Losses at that fraction.
        skills: Part of the entropy of the classes that each slower training explains
            beyond what its new weights did.
        skill_by_factor: The same of the first seed at each multiple of the rate that
            was tried.
    """

    learning_rate: float
    fraction: float
    steps: int
    chance: float
    losses: tuple[float, ...]
    slower_losses: tuple[float, ...]
    skills: tuple[float, ...]
    skill_by_factor: Mapping[float, float]

    @property
    def is_too_high(self) -> bool:
        """Whether every run at the rate fails where every slower one learns.

        Each run at the full rate has to lose at least half of what the slower ones
        gained over chance.
        """
        if not self.losses or min(self.skills) <= LEARNED:
            return False
        worst_slower = max(self.slower_losses)
        return min(self.losses) - worst_slower >= (self.chance - worst_slower) / 2

    @property
    def learning_factors(self) -> list[float]:
        """Multiples of the rate, ascending, at which the first seed learned."""
        return sorted(f for f, skill in self.skill_by_factor.items() if skill > LEARNED)


def try_learning_rates(
    model: keras.Model, train: Samples, from_logits: bool, seconds: float
) -> RateTrial | None:
    """Train new copies at the model's learning rate and at fractions of it.

    The fraction that learns best is found with one seed; it and the full rate are then
    trained with three. Where no fraction learns, the full rate and multiples of it are
    tried with one. All start with empty optimizer slots: a training that continues
    would carry slots that fit one rate only.

    Args:
        model: A compiled functional or sequential classifier.
        train: Training samples with class labels.
        from_logits: Whether the loss takes the outputs for logits.
        seconds: Time for all trainings together.

    Returns:
        The comparison; without `losses` where no slower rate learned. None where the
        model cannot be copied, was compiled without a loss, or time is short.
    """
    chain = optimizers_of(model)
    if not chain or not hasattr(chain[-1], "learning_rate"):
        return None
    if getattr(model, "loss", None) is None:
        return None
    config = chain[-1].get_config()
    config["learning_rate"] = rate = _first_rate(chain[-1], config)
    order = np.random.default_rng(0).permutation(train.count)
    held_out = min(int(HELD_OUT * train.count), MOST_HELD_OUT)
    held_out_samples, rest = (
        train.only(np.sort(n)) for n in np.split(order, [held_out])
    )
    try:
        training = ShortTraining(model, type(chain[-1]).from_config(config), rest)
    except CannotCloneError:
        return None
    runs = len(SLOWER) + SEEDS - 1 + SEEDS
    most = 0.7 * seconds / max(training.seconds_per_step * runs, 1e-6)
    steps = int(min(MOST_STEPS, most))
    if steps < FEWEST_STEPS:
        return None

    def train_at(fraction: float, seed: int) -> Outcome:
        training.draw(seed)
        start = score(held_out_samples, training.outputs(held_out_samples), from_logits)
        for step in range(steps):
            left = (steps - step) / (COOLED * steps)
            training.optimizer.learning_rate = rate * fraction * min(1.0, left)
            training.run(1, first=step)
        end = score(held_out_samples, training.outputs(held_out_samples), from_logits)
        if end is None:
            return Outcome(float("inf"), 0.0)
        # Even an untrained network may explain something; only training adds the rest.
        known = max(start.skill[0], 0.0) if start is not None else 0.0
        return Outcome(float(end.calibrated_loss.mean()), end.skill[0] - known)

    tried = {fraction: train_at(fraction, 0) for fraction in SLOWER}
    best = min(SLOWER, key=lambda fraction: tried[fraction].loss)
    slower, full = [tried[best]], []
    tried[1.0] = train_at(1.0, 0)
    if tried[best].skill > LEARNED:
        slower += [train_at(best, seed) for seed in range(1, SEEDS)]
        full = [tried[1.0], *(train_at(1.0, seed) for seed in range(1, SEEDS))]
    elif tried[1.0].skill <= LEARNED:
        tried |= {factor: train_at(factor, 0) for factor in FASTER}
    return RateTrial(
        rate,
        best,
        steps,
        label_entropy(held_out_samples) or 0.0,
        tuple(outcome.loss for outcome in full),
        tuple(outcome.loss for outcome in slower),
        tuple(outcome.skill for outcome in slower),
        {factor: outcome.skill for factor, outcome in tried.items()},
    )


def _first_rate(optimizer: Any, config: dict) -> float:
    """Return the rate; of a schedule, which has come down since, its first value."""
    rate = config.get("learning_rate")
    if isinstance(rate, (int, float)):
        return float(rate)
    current: Any = getattr(optimizer, "_learning_rate", None)
    if isinstance(current, keras.optimizers.schedules.LearningRateSchedule):
        current = current(0)
    return float(ops.convert_to_numpy(current))
