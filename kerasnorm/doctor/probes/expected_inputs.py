"""Finds out which inputs a network expects, by trying them on training samples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from scipy import stats

from kerasnorm.callbacks.model_walk import walk_layers
from kerasnorm.doctor.loss_matrix import loss_of
from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.probes.first_norm import (
    StatisticsOfInputs,
    read_expected_inputs,
)
from kerasnorm.doctor.probes.input_map import (
    InputMap,
    channel_axis,
    identity,
    named_maps,
    negative_of,
)
from kerasnorm.doctor.proportions import ALPHA, paired_change
from kerasnorm.doctor.samples import Samples
from kerasnorm.doctor.scores import Scores, score
from kerasnorm.doctor.statistics import (
    EVALUATION_BATCH,
    batch_norms,
    evaluate,
    read_statistics,
    run_on_batch_statistics,
    write_statistics,
)

# Samples on which maps are tried, and as many others that confirm the best one.
SAMPLES = 256
FEWEST = 48
# First round of the elimination; each later one has twice the samples, half the maps.
FIRST_ROUND = 32
# Training accuracy with which no inputs can be far from what the network expects.
WELL = 0.98
# Below this accuracy, or above this part of the loss of guessing, preparations are
# tried even where no statistics ask for them.
BADLY, BADLY_LOSS = 0.9, 0.5
# Augmentation alone changes scales and offsets by less: a factor, and a part of the
# standard deviation.
OTHER_FACTOR, OTHER_OFFSET = 1.5, 0.5
# What a map must change: accuracy, in fractions of the samples, and its lower limit, or
# loss.
POINTS, SURE_POINTS, NATS = 0.03, 0.01, 0.07
# Losses nearer to each other, in nats, count as equal.
ALIKE = 0.03
# Part of the prior entropy that outputs must explain with the map.
LEARNED = 0.1
# Part of what the map and recalibration repair together that the map alone must
# repair. What is less could be stale statistics that a scale happens to help.
ALONE = 0.9
# Deviation of the statistics up to which a named map stands beside stale ones.
SURE = 9.0


@dataclass(frozen=True)
class Outcome:
    """Loss and accuracy of one split with one preparation."""

    loss: float
    accuracy: float | None


@dataclass(frozen=True)
class ExpectedInputs:
    """Inputs with which the network does what it has learned.

    Args:
        images: What the given images have to go through.
        source: `"statistics"` if moving statistics told it, `"trial"` if it was found
            by trying the usual preparations.
        low: Lower 99% limit of the fall of the training loss.
        p_value: Of that fall, on samples that did not choose the map.
        alone: Part of what map and recalibration repair together that the map repairs.
        misfit: Deviation of the first norm's moving statistics from those of the
            images as given and as mapped, in units of what is normal; None without.
        before: Outcome of the samples as given, by split.
        after: The same with the map.
    """

    images: InputMap
    source: str
    low: float
    p_value: float
    alone: float
    misfit: tuple[float, float] | None
    before: dict[str, Outcome]
    after: dict[str, Outcome]

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that the map repairs."""
        return tuple(
            name
            for name in self.before
            if self.after[name].loss < self.before[name].loss
        )


class _Trials:
    """Outcomes of one model on some samples under its moving statistics."""

    def __init__(self, model: keras.Model, loss: LossOfSamples) -> None:
        self.model, self.loss = model, loss

    def measure(
        self, samples: Samples, images: InputMap
    ) -> tuple[np.ndarray, Scores | None]:
        mapped = samples.with_inputs(images.apply(samples.x))
        outputs = evaluate(self.model, mapped)
        found = score(mapped, outputs, self.loss.from_logits)
        return loss_of(self.loss, mapped, outputs), found

    def outcome(self, samples: Samples, images: InputMap) -> Outcome:
        losses, scores = self.measure(samples, images)
        return Outcome(float(losses.mean()), scores.accuracy if scores else None)

    def best_of(
        self, maps: Sequence[InputMap], samples: Samples
    ) -> tuple[InputMap, int]:
        """Return the map of the lowest loss, by successive elimination.

        Of those that lose as little, the first one.
        """
        left, size = list(range(len(maps))), FIRST_ROUND
        while len(left) > 1:
            few = part_of(samples, np.arange(min(size, samples.count)))
            losses = {i: _bounded(self.measure(few, maps[i])[0]).mean() for i in left}
            best = min(losses.values())
            # Beyond this, a lower loss is a matter of confidence.
            left.sort(key=lambda i: (max(losses[i], best + ALIKE), i))
            left = left[: (len(left) + 1) // 2]
            size *= 2
        return maps[left[0]], len(maps)


def measure_expected_inputs(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    loss: LossOfSamples,
    steps: int | None,
    unit: float = 1.0,
) -> ExpectedInputs | None:
    """Find the affine map of the channels with which training samples are recognized.

    Moving statistics of the first norm name the maps to try; where there are none, and
    the network does badly, the usual preparations are tried. A map counts where it
    repairs the training samples under moving statistics, on samples that did not
    choose it, and where recalibrated statistics would not do more.

    Args:
        model: The model, inside `state.preserved`.
        train: Training samples as they are given to the network.
        validation: Validation samples, or None.
        loss: The loss of each sample.
        steps: Training steps, None where unknown.
        unit: Loss that counts as one.

    Returns:
        The map, None where the inputs are right as they are, or nothing else is
        proved.
    """
    x = train.x
    axis = channel_axis(x.shape) if isinstance(x, np.ndarray) else None
    if axis is None or x.dtype.kind not in "fiu" or train.count < FEWEST:
        return None
    if any(isinstance(n, keras.layers.Embedding) for _, n in walk_layers(model)):
        return None
    trials, unchanged = _Trials(model, loss), identity(x, axis)
    order = np.random.default_rng(0).permutation(train.count)[: 2 * SAMPLES]
    choosing, confirming = (
        part_of(train, np.sort(half)) for half in np.array_split(order, 2)
    )
    before = trials.measure(choosing, unchanged)
    losses, scores = before
    if not np.isfinite(losses).all():
        losses = np.nan_to_num(losses, nan=np.inf)
    if scores and scores.accuracy >= WELL and losses.mean() < NATS * unit:
        return None
    known = read_expected_inputs(model, choosing.x, axis, steps)
    for source, maps in (
        ("statistics", _from_statistics(known, choosing.x)),
        ("trial", _from_trial(known, choosing.x, axis, losses, scores)),
    ):
        if not maps:
            continue
        best, tried = trials.best_of(maps, choosing)
        proof = _prove(trials, (choosing, confirming), unchanged, best, tried, unit)
        if proof is None:
            continue
        alone, low, p_value = proof
        misfits = dict(known.maps) if known else {}
        if alone < ALONE and not (best.preparation and misfits.get(best, 99) < SURE):
            continue
        both = {"training": train, "validation": validation}
        given = {name: few.head(2 * SAMPLES) for name, few in both.items() if few}
        return ExpectedInputs(
            best,
            source,
            low,
            p_value,
            alone,
            (known.misfit, misfits[best]) if known and best in misfits else None,
            {name: trials.outcome(few, unchanged) for name, few in given.items()},
            {name: trials.outcome(few, best) for name, few in given.items()},
        )
    return None


def part_of(samples: Samples, numbers: np.ndarray) -> Samples:
    """Return some of the samples as one batch."""
    x, y, weights = samples.take(numbers)
    return replace(samples, x=x, y=y, weights=weights, sizes=(len(numbers),))


def _from_statistics(known: StatisticsOfInputs | None, x: np.ndarray) -> list[InputMap]:
    if known is None:
        return []
    found = [images for images, _ in known.maps]
    # Means and variances are the same for a negative.
    best = {images.order: images for images in reversed(found)}
    found += [negative_of(images, x) for images in best.values()]
    return [images for images in found if _is_other(images, x)]


def _from_trial(
    known: StatisticsOfInputs | None,
    x: np.ndarray,
    axis: int,
    losses: np.ndarray,
    scores: Scores | None,
) -> list[InputMap]:
    """Return the usual preparations where the network does badly and none is known."""
    if scores is None:
        return []
    guessing = max(scores.prior_entropy, 1e-12)
    if scores.accuracy >= BADLY and losses.mean() < BADLY_LOSS * guessing:
        return []
    maps = list(named_maps(x, axis))
    if known is not None:
        # A large scale hides any shift of the statistics, so that it helps where they
        # are wrong: without their word only orders are tried.
        if not known.acquits:
            return []
        maps = [images for images in maps if _is_scaled_alike(images, x)]
    maps += [negative_of(identity(x, axis), x)]
    # Of equals the least change is taken: without norms, scales matter little.
    maps.sort(key=lambda images: abs(np.log(images.factor)))
    return [images for images in maps if _is_other(images, x)]


def _is_scaled_alike(images: InputMap, x: np.ndarray) -> bool:
    """Return whether scale and offset are such as augmentation gives as well."""
    others = tuple(i for i in range(x.ndim) if i != images.axis % x.ndim)
    mean, std = (f(axis=others, dtype="float64") for f in (x.mean, x.std))
    scale, offset = np.array(images.scale), np.array(images.offset)
    order = np.array(images.order)
    moved = np.abs(scale * mean[order] + offset - mean[order])
    near = 1 / OTHER_FACTOR < images.factor < OTHER_FACTOR and scale.min() > 0
    return bool(near and (moved <= OTHER_OFFSET * std[order] * np.abs(scale)).all())


def _is_other(images: InputMap, x: np.ndarray) -> bool:
    """Return whether a map does more to the images than augmentation would."""
    return images.is_reordered or not _is_scaled_alike(images, x)


def _prove(
    trials: _Trials,
    halves: tuple[Samples, Samples],
    unchanged: InputMap,
    best: InputMap,
    tried: int,
    unit: float,
) -> tuple[float, float, float] | None:
    """Return what the map repairs of all, and how sure it is; None if it does not.

    It must repair the samples that chose it, with a level for all maps that were
    tried, and the others.
    """
    p_value, low = 1.0, 0.0
    for samples, level in zip(halves, (ALPHA / tried, ALPHA), strict=True):
        losses, scores = trials.measure(samples, unchanged)
        mapped, found = trials.measure(samples, best)
        p_value, low = _fall(losses, mapped, level)
        gain = float(np.mean(_bounded(losses)) - np.mean(_bounded(mapped)))
        if not np.isfinite(mapped).all():
            return None
        falls = p_value < level and gain >= NATS * unit
        if scores is None or found is None:
            if not falls:
                return None
            continue
        change = paired_change(scores.correct, found.correct)
        rises = change.value >= POINTS and change.low >= SURE_POINTS
        # Weaker outputs cost less where they are wrong: that repairs nothing.
        calibrated = mapped.mean() <= scores.calibrated_loss.mean() + NATS * unit
        if not (rises and change.p_value < level) and not (falls and calibrated):
            return None
        if found.skill[1] < LEARNED or change.high < 0:
            return None
    return _alone(trials, halves, unchanged, best), low, p_value


def _bounded(losses: np.ndarray) -> np.ndarray:
    return np.nan_to_num(losses, nan=1e6, posinf=1e6)


def _fall(before: np.ndarray, after: np.ndarray, level: float) -> tuple[float, float]:
    """Return the one-sided p-value of a paired fall, and its lower limit."""
    gain = _bounded(before) - _bounded(after)
    error = gain.std(ddof=1) / np.sqrt(len(gain)) + 1e-12
    degrees = len(gain) - 1
    return (
        float(stats.t.sf(gain.mean() / error, degrees)),
        float(gain.mean() - stats.t.ppf(1 - level, degrees) * error),
    )


def _alone(
    trials: _Trials,
    halves: tuple[Samples, Samples],
    unchanged: InputMap,
    best: InputMap,
) -> float:
    """Return which part of map and recalibration together the map alone repairs.

    Statistics of one half are judged on the other.
    """
    model: Any = trials.model
    norms = batch_norms(model)
    if not norms:
        return 1.0
    first, second = (half.with_inputs(best.apply(half.x)) for half in halves)
    batches = first.shuffled(EVALUATION_BATCH)
    saved = read_statistics(norms)
    given = _bounded(trials.measure(halves[1], unchanged)[0]).mean()
    mapped = _bounded(trials.measure(halves[1], best)[0]).mean()
    try:
        _, statistics = run_on_batch_statistics(model, first, batches, record=True)
        write_statistics(norms, statistics)
        outputs = evaluate(model, second)
        both = _bounded(loss_of(trials.loss, second, outputs)).mean()
    finally:
        write_statistics(norms, saved)
    if mapped - both < NATS:
        return 1.0
    return float((given - mapped) / max(given - both, 1e-12))
