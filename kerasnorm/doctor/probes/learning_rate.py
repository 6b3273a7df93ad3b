"""Trains new copies at the model's learning rate and at multiples of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
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

# Steps that a right rate takes to learn something of most data; some networks need
# hundreds. More than twice those that the model itself took decide nothing about it.
SHORT, MOST_STEPS, OF_ITS_OWN = 60, 400, 2
# Trainings of one length that have to fit into the time left.
RUNS = 4
SLOWER, FASTER = (0.1, 0.01), (1e1, 1e2, 1e3, 1e4, 1e5)
SEEDS = 3
# Last part of the steps over which the rate falls to zero: without it the noise of the
# steps makes a slower rate win at any rate.
COOLED = 0.3
# Fraction of the training samples that is left out, and at most so many.
HELD_OUT, MOST_HELD_OUT = 0.25, 256
# Part of the entropy of the classes that a slower training has to explain, three times:
# where a fifth of the labels is wrong the best possible network explains 0.28.
LEARNED = 0.05
# Change of the weights, relative to their norm, below which a slower rate can only do
# less of what did nothing.
MOVED = 0.003


class Outcome(NamedTuple):
    """What a training gave, on samples left out of it.

    Args:
        loss: Calibrated loss, infinite where the training diverged.
        skill: Part of the entropy of the classes explained, beyond what the new
            weights explained.
        moved: Change of the weights relative to their norm.
    """

    loss: float
    skill: float
    moved: float

    @property
    def learned(self) -> bool:
        """Whether the training taught something."""
        return self.skill > LEARNED


@dataclass(frozen=True)
class RateTrial:
    """Short trainings, each cooled down, from several new weights.

    Losses are calibrated ones of training samples left out, in nats, one for each
    training; that of a training which diverged is infinite.

    Args:
        learning_rate: The model's learning rate.
        fraction: The fraction of it that learned best.
        steps: Steps of each training.
        chance: Loss of the class fractions.
        losses: Losses at the full rate, one for each seed, and one of a training of
            `most_steps`.
        slower_losses: Losses at that fraction.
        skills: Part of the entropy of the classes that each slower training explains
            beyond what its new weights did.
        skill_by_factor: The same of the first seed at each multiple of the rate that
            was tried.
        most_steps: Steps of the longest training at the full rate.
    """

    learning_rate: float
    fraction: float
    steps: int
    chance: float
    losses: tuple[float, ...]
    slower_losses: tuple[float, ...]
    skills: tuple[float, ...]
    skill_by_factor: Mapping[float, float]
    most_steps: int | None = None

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


class _Trainings:
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

    def _score(self):
        found = self.training.outputs(self.held_out)
        return score(self.held_out, found, self.from_logits)

    def run(self, factor: float, steps: int, seed: int = 0) -> Outcome:
        """Train from new weights and cool down.

        Args:
            factor: Multiple of the rate.
            steps: Number of steps.
            seed: Decides the weights and the order of the batches.
        """
        training = self.training
        training.draw(seed)
        start = self._score()
        for step in range(steps):
            left = (steps - step) / (COOLED * steps)
            training.optimizer.learning_rate = self.rate * factor * min(1.0, left)
            training.run(1, first=step)
        end, moved = self._score(), training.change_of_weights()
        if end is None:
            return Outcome(float("inf"), 0.0, moved)
        # Even an untrained network may explain something.
        known = max(start.skill[0], 0.0) if start else 0.0
        return Outcome(float(end.calibrated_loss.mean()), end.skill[0] - known, moved)

    def explore(self, steps: int) -> dict[float, Outcome]:
        """Look for a multiple of the rate that learns, the rate itself first.

        Slower ones are tried where the rate moves the weights, faster ones where
        neither it nor they learn. What has learned ends the search.
        """
        tried = {1.0: self.run(1.0, steps)}
        if tried[1.0].learned:
            return tried
        moves = tried[1.0].moved >= MOVED
        if moves:
            tried |= {factor: self.run(factor, steps) for factor in SLOWER}
            if any(outcome.learned for outcome in tried.values()):
                return tried
        # The first rate that moves the weights may still be too low.
        left = 1 if moves else 2
        for factor in FASTER:
            tried[factor] = self.run(factor, steps)
            left -= tried[factor].moved >= MOVED
            if tried[factor].learned or not left:
                break
        return tried

    def look_again(
        self, steps: int, before: Mapping[float, Outcome]
    ) -> dict[float, Outcome]:
        """Train longer, at the rate and at the most promising slower and faster one."""
        tried = {1.0: self.run(1.0, steps)}
        for is_side in (lambda factor: factor < 1, lambda factor: factor > 1):
            side = [factor for factor in before if is_side(factor)]
            if side and not any(outcome.learned for outcome in tried.values()):
                factor = min(side, key=lambda f: before[f].loss)
                tried[factor] = self.run(factor, steps)
        return tried

    def judge(
        self,
        tried: Mapping[float, Outcome],
        before: Mapping[float, Outcome],
        steps: int,
        most: int,
    ) -> RateTrial:
        """Repeat from other weights where a slower training alone has learned.

        Args:
            tried: Trainings by factor, of `steps` steps.
            before: Shorter ones.
            steps: Number of steps.
            most: Number of steps of the longest training, at the full rate.
        """
        slower = [factor for factor in tried if factor < 1]
        best = min(slower, key=lambda f: tried[f].loss, default=SLOWER[0])
        runs: dict[float, list[Outcome]] = {best: [], 1.0: []}
        if slower and tried[best].learned and not tried[1.0].learned:
            for factor, outcomes in runs.items():
                outcomes.append(tried[factor])
                outcomes += [self.run(factor, steps, n) for n in range(1, SEEDS)]
            if most > steps:
                # It may only need longer than the slower one.
                runs[1.0].append(self.run(1.0, most))
        skills = {f: outcome.skill for f, outcome in {**before, **tried}.items()}
        skills[1.0] = max([skills[1.0], *(outcome.skill for outcome in runs[1.0])])
        trial = RateTrial(
            self.rate,
            best,
            steps,
            self.chance,
            tuple(outcome.loss for outcome in runs[1.0]),
            tuple(outcome.loss for outcome in runs[best]),
            tuple(outcome.skill for outcome in runs[best]),
            skills,
            most if len(runs[1.0]) > SEEDS else steps,
        )
        if tried[1.0].learned or skills[1.0] <= LEARNED or trial.is_too_high:
            return trial
        return replace(trial, steps=most)


def try_learning_rates(
    model: keras.Model,
    train: Samples,
    from_logits: bool,
    seconds: float,
    steps_taken: int | None = None,
) -> RateTrial | None:
    """Train new copies at the model's learning rate and at multiples of it.

    Few steps decide most cases; where none of the rates learns in so few, more are
    taken, up to twice as many as the model has taken. A fraction that learns where the
    full rate does not is compared with it from three new weights. All start with empty
    optimizer slots: a training that continues would carry slots that fit one rate only.

    Args:
        model: A compiled functional or sequential classifier.
        train: Training samples with class labels.
        from_logits: Whether the loss takes the outputs for logits.
        seconds: Time for all trainings together.
        steps_taken: Steps that the model was trained for, None where unknown.

    Returns:
        The comparison; without `losses` where no slower rate learned. None where no
        copy can be made, the model has no loss, or time is short.
    """
    begin = time.perf_counter()
    chain = optimizers_of(model)
    if not chain or not hasattr(chain[-1], "learning_rate"):
        return None
    if getattr(model, "loss", None) is None:
        return None
    config = chain[-1].get_config()
    config["learning_rate"] = rate = _first_rate(chain[-1], config)
    order = np.random.default_rng(0).permutation(train.count)
    held_out = min(int(HELD_OUT * train.count), MOST_HELD_OUT)
    judging, rest = (train.only(np.sort(n)) for n in np.split(order, [held_out]))
    try:
        training = ShortTraining(model, type(chain[-1]).from_config(config), rest)
    except CannotCloneError:
        return None

    def affordable() -> int:
        left = seconds - (time.perf_counter() - begin)
        return int(left / max(training.seconds_per_step, 1e-6))

    if affordable() < RUNS * SHORT:
        return None
    most = MOST_STEPS
    if steps_taken:
        most = min(most, max(OF_ITS_OWN * steps_taken, SHORT))
    trainings = _Trainings(training, judging, from_logits, rate)
    before: dict[float, Outcome] = {}
    tried, steps = trainings.explore(SHORT), SHORT
    longer = min(most, affordable() // RUNS)
    if longer > SHORT and not any(outcome.learned for outcome in tried.values()):
        before, steps = tried, longer
        tried = trainings.look_again(longer, tried)
    longest = max(steps, min(most, affordable() // RUNS))
    return trainings.judge(tried, before, steps, longest)


def _first_rate(optimizer: Any, config: dict) -> float:
    """Return the rate; of a schedule, which has come down since, its first value."""
    rate = config.get("learning_rate")
    if isinstance(rate, (int, float)):
        return float(rate)
    current: Any = getattr(optimizer, "_learning_rate", None)
    if isinstance(current, keras.optimizers.schedules.LearningRateSchedule):
        current = current(0)
    return float(ops.convert_to_numpy(current))
