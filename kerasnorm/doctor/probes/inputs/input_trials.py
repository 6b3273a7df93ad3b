"""Tries maps of the images on a frozen network, and proves which one repairs it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from scipy import stats

from kerasnorm.doctor.forward.statistics import (
    batch_norms,
    forward_pass,
)
from kerasnorm.doctor.forward.temporary_statistics import losses_on_statistics_of
from kerasnorm.doctor.loss_matrix.proportions import ALPHA, paired_change
from kerasnorm.doctor.loss_matrix.scores import Scores, score
from kerasnorm.doctor.losses.evaluation_batches import (
    EVALUATION_BATCH,
    evaluation_batches,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.inputs.input_map import InputMap
from kerasnorm.doctor.sampling.samples import Samples

# First round of the elimination; each later one has twice the samples, half the maps.
FIRST_ROUND = 128
# What a map must change: accuracy, in fractions of the samples, and its lower limit, or
# loss.
POINTS, SURE_POINTS, NATS = 0.03, 0.01, 0.07
# Losses nearer to each other, in nats, count as equal.
ALIKE = 0.03
# Part of the prior entropy that outputs must explain with the map where the network has
# moving statistics: a map can hide that these are wrong.
LEARNED = 0.1
# Without them, part of what the outputs explain with the map that it must add, where
# that is less than NATS: a network that knows little has little to lose.
ADDED = 0.3
# Part of what mapped outputs know that the given ones may know where no usual
# preparation gave the map.
KNOWN_BEFORE = 0.25


@dataclass(frozen=True)
class Outcome:
    """Loss and accuracy of one split with one preparation."""

    loss: float
    accuracy: float | None


class Trials:
    """Outcomes of one model under its moving statistics.

    Args:
        model: The model, inside `state.restored_after`.
        loss: The loss of each sample.
    """

    def __init__(self, model: keras.Model, loss: LossOfSamples) -> None:
        self.model, self.loss = model, loss

    def measure(
        self, samples: Samples, images: InputMap
    ) -> tuple[np.ndarray, Scores | None]:
        """Return the losses of mapped samples, and their scores where there are."""
        mapped = samples.with_inputs(images.apply(samples.inputs))
        batches = evaluation_batches(self.model, mapped, self.loss)
        seen = forward_pass(self.model, mapped, batches, self.loss)
        return seen.losses, score(mapped, seen.outputs, self.loss.from_logits)

    def outcome(self, samples: Samples, images: InputMap) -> Outcome:
        """Return the means over mapped samples."""
        losses, scores = self.measure(samples, images)
        return Outcome(float(losses.mean()), scores.accuracy if scores else None)

    def mean_loss(self, samples: Samples, images: InputMap) -> float:
        """Return the mean loss of mapped samples, large where it is not finite."""
        return float(_bounded(self.measure(samples, images)[0]).mean())

    def best_of(
        self, maps: Sequence[InputMap], samples: Samples
    ) -> tuple[InputMap, int]:
        """Return the map of the lowest loss, by successive elimination.

        Of those that lose as little, the first one.
        """
        left, size = list(range(len(maps))), FIRST_ROUND
        while len(left) > 1:
            few = part_of(samples, np.arange(min(size, samples.count)))
            losses = {i: self.mean_loss(few, maps[i]) for i in left}
            best = min(losses.values())
            # Beyond this, a lower loss is a matter of confidence.
            left.sort(key=lambda i: (max(losses[i], best + ALIKE), i))
            left = left[: (len(left) + 1) // 2]
            size *= 2
        return maps[left[0]], len(maps)


def part_of(samples: Samples, numbers: np.ndarray) -> Samples:
    """Return some of the samples as one batch."""
    x, y, weights = samples.take(numbers)
    return replace(samples, x=x, y=y, weights=weights, sizes=(len(numbers),))


def prove_map(
    trials: Trials,
    halves: tuple[Samples, Samples],
    unchanged: InputMap,
    best: InputMap,
    tried: int,
    unit: float,
    told: bool = False,
    missed: bool = False,
) -> tuple[float, float, float] | None:
    """Return what the map repairs of all, and how sure it is; None if it does not.

    It must repair the samples that chose it, with a level for all maps that were
    tried, and the others. A map that the statistics tell must only lower the mean loss,
    as a weak network gains nothing else from its inputs. Where the images as given are
    known to have missed the loss of the training, nothing speaks for them.
    """
    p_value, low = 1.0, 0.0
    moving = bool(batch_norms(trials.model))
    for samples, level in zip(halves, (ALPHA / tried, ALPHA), strict=True):
        losses, scores = trials.measure(samples, unchanged)
        mapped, found = trials.measure(samples, best)
        p_value, low = fall(losses, mapped, level)
        gain = float(np.mean(_bounded(losses)) - np.mean(_bounded(mapped)))
        if not np.isfinite(mapped).all():
            return None
        if told:
            # A few errors of a very sure network make up all of its loss: no test of
            # losses proves what its statistics tell beyond doubt.
            if gain < NATS * unit:
                return None
            continue
        if scores is None or found is None:
            if p_value >= level or gain < NATS * unit:
                return None
            continue
        explained = max(found.prior_entropy - float(mapped.mean()), 0.0)
        least = NATS * unit if moving else min(NATS * unit, ADDED * explained)
        falls = p_value < level and gain >= least
        change = paired_change(scores.correct, found.correct)
        rises = change.value >= POINTS and change.low >= SURE_POINTS
        # Weaker outputs cost less where they are wrong: that repairs nothing.
        calibrated = mapped.mean() <= scores.calibrated_loss.mean() + least
        if not (rises and change.p_value < level) and not (falls and calibrated):
            return None
        if found.skill[1] <= (LEARNED if moving else 0.0) or change.high < 0:
            return None
        silent = not moving and not missed
        if silent and not _adds_knowledge(scores, found, least, level, best):
            return None
    return _alone(trials, halves, unchanged, best), low, p_value


def _adds_knowledge(
    given: Scores, mapped: Scores, least: float, level: float, images: InputMap
) -> bool:
    """Return whether mapped outputs know what the given ones do not, however sure.

    Larger inputs make a network without norms surer of itself, shifted ones move its
    threshold: both lower the loss of one that is only half trained.
    """
    before, after = given.calibrated_loss, mapped.calibrated_loss
    if fall(before, after, level)[0] >= level or before.mean() - after.mean() < least:
        return False
    # Numbers that were fitted to the loss are a training of their own.
    most = mapped.skill[0] * (1.0 if images.preparation else KNOWN_BEFORE)
    return given.skill[0] < most


def _bounded(losses: np.ndarray) -> np.ndarray:
    return np.nan_to_num(losses, nan=1e6, posinf=1e6)


def fall(before: np.ndarray, after: np.ndarray, level: float) -> tuple[float, float]:
    """Return the one-sided p-value of a paired fall of losses, and its lower limit.

    Args:
        before: Losses of (samples,).
        after: The same samples' losses.
        level: One minus the confidence of the limit.
    """
    gain = _bounded(before) - _bounded(after)
    error = gain.std(ddof=1) / np.sqrt(len(gain)) + 1e-12
    degrees = len(gain) - 1
    return (
        float(stats.t.sf(gain.mean() / error, degrees)),
        float(gain.mean() - stats.t.ppf(1 - level, degrees) * error),
    )


def _alone(
    trials: Trials,
    halves: tuple[Samples, Samples],
    unchanged: InputMap,
    best: InputMap,
) -> float:
    """Return which part of map and recalibration together the map alone repairs.

    Statistics of one half are judged on the other.
    """
    model: Any = trials.model
    if not batch_norms(model):
        return 1.0
    first, second = (half.with_inputs(best.apply(half.inputs)) for half in halves)
    batches = first.shuffled(EVALUATION_BATCH)
    given, mapped = (trials.mean_loss(halves[1], m) for m in (unchanged, best))
    losses = losses_on_statistics_of(model, first, batches, second, trials.loss)
    both = _bounded(losses).mean()
    if mapped - both < NATS:
        return 1.0
    return float((given - mapped) / max(given - both, 1e-12))
