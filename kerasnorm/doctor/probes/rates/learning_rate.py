"""Trains new copies at the model's learning rate and at multiples of it."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.forward.copies import CannotCloneError
from kerasnorm.doctor.probes.optimizer import optimizers_of
from kerasnorm.doctor.probes.rates.rate_runs import (
    CLEARLY,
    SHORT,
    Outcome,
    RateRuns,
)
from kerasnorm.doctor.probes.rates.rate_trial import SEEDS, RateTrial
from kerasnorm.doctor.probes.rates.short_training import ShortTraining
from kerasnorm.doctor.sampling.samples import Samples

# More than twice the steps that the model itself took decide nothing about it. Few
# steps show a loss that explodes.
MOST_STEPS, OF_ITS_OWN, FEW = 400, 2, 20
# Trainings of one length that have to fit into the time left.
RUNS = 4
# The last two slower ones are tried where the others explode as well.
SLOWER, SLOWEST = (0.1, 0.01), (1e-3, 1e-4)
FASTER = (1e1, 1e2, 1e3, 1e4, 1e5)
# Times that the training loss falls with the rate while slower ones are tried.
FALLS = 2.0
# Fraction of the training samples that is left out, and at most so many.
HELD_OUT, MOST_HELD_OUT = 0.25, 256
# Change of the weights, relative to their norm, below which a slower rate can only do
# less of what did nothing.
MOVED = 0.003


def _calm(tried: Mapping[float, Outcome]) -> list[float]:
    """Return the fractions of the rate at which the loss does not explode with it."""
    full = tried[1.0]
    return [f for f in tried if f < 1 and full.exploded_beside(tried[f])]


def _is_decided(tried: Mapping[float, Outcome]) -> bool:
    """Return whether something was learned or the rate itself exploded."""
    return any(outcome.learned for outcome in tried.values()) or bool(_calm(tried))


def _still_falls(tried: Mapping[float, Outcome]) -> bool:
    """Return whether the training loss is far lower at the last of the slower rates."""
    slowest, next_one = (tried[factor].training_loss for factor in sorted(tried)[:2])
    return slowest == np.inf or FALLS * slowest <= next_one


def _explore(runs: RateRuns, steps: int) -> dict[float, Outcome]:
    """Look for a multiple of the rate that learns, the rate itself first.

    Slower ones are tried where the rate moves the weights, faster ones where neither
    it nor they learn. What has learned ends the search.
    """
    tried = {1.0: runs.run(1.0, steps)}
    if tried[1.0].learned:
        return tried
    moves = tried[1.0].moved >= MOVED
    for factor in SLOWER if moves else ():
        tried[factor] = runs.run(factor, steps)
        if tried[factor].skill > CLEARLY:
            break
    for factor in SLOWEST if moves else ():
        if _is_decided(tried) or not _still_falls(tried):
            break
        tried[factor] = runs.run(factor, steps)
    if _is_decided(tried):
        return tried
    # The first rate that moves the weights may still be too low.
    left = 1 if moves else 2
    for factor in FASTER:
        tried[factor] = runs.run(factor, steps)
        left -= tried[factor].moved >= MOVED
        if tried[factor].learned or not left:
            break
    return tried


def _look_again(
    runs: RateRuns, steps: int, before: Mapping[float, Outcome]
) -> dict[float, Outcome]:
    """Train longer, at the rate and at the most promising slower and faster one."""
    tried = {1.0: runs.run(1.0, steps)}
    for is_side in (lambda factor: factor < 1, lambda factor: factor > 1):
        side = [factor for factor in before if is_side(factor)]
        if side and not any(outcome.learned for outcome in tried.values()):
            factor = min(side, key=lambda f: before[f].loss)
            tried[factor] = runs.run(factor, steps)
    return tried


def _repeat(
    runs: RateRuns, tried: Mapping[float, Outcome], slower: float, steps: int
) -> dict[float, list[Outcome]]:
    """Return outcomes at a slower and at the full rate, from several new weights."""
    outcomes = {factor: [tried[factor]] for factor in (slower, 1.0)}
    for seed in range(1, SEEDS):
        for factor, found in outcomes.items():
            found.append(runs.run(factor, steps, seed))
    return outcomes


def _trial(
    runs: RateRuns,
    tried: Mapping[float, Outcome],
    slower: float,
    steps: int,
    outcomes: Mapping[float, list[Outcome]],
) -> RateTrial:
    """Put together what trainings at a slower and at the full rate gave."""
    full, below = outcomes.get(1.0, []), outcomes.get(slower, [])
    skills = {factor: outcome.skill for factor, outcome in tried.items()}
    skills[1.0] = max([skills[1.0], *(outcome.skill for outcome in full)])
    return RateTrial(
        runs.rate,
        slower,
        steps,
        runs.chance,
        tuple(outcome.loss for outcome in full),
        tuple(outcome.loss for outcome in below),
        tuple(outcome.skill for outcome in below),
        skills,
        steps,
        tuple(outcome.training_loss for outcome in full),
        tuple(outcome.training_loss for outcome in below),
    )


def _explosion(
    runs: RateRuns, tried: Mapping[float, Outcome], steps: int
) -> RateTrial | None:
    """Compare from other weights where the loss explodes at the rate alone."""
    calm = _calm(tried)
    if not calm:
        return None
    slower = min(calm, key=lambda f: tried[f].training_loss)
    # A loss that explodes does so at once.
    outcomes = _repeat(runs, tried, slower, min(FEW, steps))
    found = _trial(runs, tried, slower, steps, outcomes)
    return found if found.explodes else None


def _judge(
    runs: RateRuns,
    tried: Mapping[float, Outcome],
    before: Mapping[float, Outcome],
    steps: int,
    most: int,
) -> RateTrial:
    """Repeat from other weights where a slower training alone has learned.

    Args:
        runs: Makes the trainings.
        tried: Trainings by factor, of `steps` steps.
        before: Shorter ones.
        steps: Number of steps.
        most: Number of steps of the longest training, at the full rate.
    """
    slower = [factor for factor in tried if factor < 1]
    best = min(slower, key=lambda f: tried[f].loss, default=SLOWER[0])
    known = {**before, **tried}
    if not slower or not tried[best].learned or tried[1.0].learned:
        return _trial(runs, known, best, steps, {})
    outcomes = _repeat(runs, tried, best, steps)
    if most > steps:
        # It may only need longer than the slower one.
        outcomes[1.0].append(runs.run(1.0, most))
    found = replace(_trial(runs, known, best, steps, outcomes), most_steps=most)
    if found.is_too_high or 1.0 not in found.learning_factors:
        return found
    return replace(found, steps=most)


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
    full rate does not, or at which the loss does not explode as it does there, is
    compared with it from three new weights. All start with empty optimizer slots: a
    training that continues would carry slots that fit one rate only.

    Args:
        model: A compiled functional or sequential classifier.
        train: Training samples with class labels.
        from_logits: Whether the loss takes the outputs for logits.
        seconds: Time for all trainings together.
        steps_taken: Steps that the model was trained for, None where unknown.

    Returns:
        The comparison; without `losses` where no slower rate learned and none
        exploded. None where no copy can be made, the model has no loss, or the time
        does not suffice to tell.
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
        return int(left / max(training.seconds_per_step, 1e-6)) // RUNS

    short = min(SHORT, affordable())
    if short < FEW:
        return None
    most = MOST_STEPS
    if steps_taken:
        most = min(most, max(OF_ITS_OWN * steps_taken, SHORT))
    runs = RateRuns(training, judging, from_logits, rate)
    before: dict[float, Outcome] = {}
    tried, steps = _explore(runs, short), short
    exploded = _explosion(runs, tried, short)
    if exploded is not None:
        return exploded
    longer = min(most, affordable())
    if longer > short and not any(outcome.learned for outcome in tried.values()):
        before, steps = tried, longer
        tried = _look_again(runs, longer, tried)
    longest = max(steps, min(most, affordable()))
    found = _judge(runs, tried, before, steps, longest)
    # So few steps only show what explodes, or learns all the same.
    enough = steps >= min(SHORT, most) or found.is_too_high or found.learning_factors
    return found if enough else None


def _first_rate(optimizer: Any, config: dict) -> float:
    """Return the rate; of a schedule, which has come down since, its first value."""
    rate = config.get("learning_rate")
    if isinstance(rate, (int, float)):
        return float(rate)
    current: Any = getattr(optimizer, "_learning_rate", None)
    if isinstance(current, keras.optimizers.schedules.LearningRateSchedule):
        current = current(0)
    return float(ops.convert_to_numpy(current))
