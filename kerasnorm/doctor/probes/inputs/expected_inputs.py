"""Finds out which inputs a network expects, by trying them on training samples."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import batch_norms
from kerasnorm.doctor.loss_matrix.scores import Scores
from kerasnorm.doctor.losses.evaluation_batches import fixed_batch
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.inputs.channel_order import decide_order
from kerasnorm.doctor.probes.inputs.input_map import (
    InputMap,
    channel_axis,
    feature_maps,
    identity,
    is_table,
    named_maps,
    negative_of,
)
from kerasnorm.doctor.probes.inputs.input_search import search_map
from kerasnorm.doctor.probes.inputs.input_statistics import (
    StatisticsOfInputs,
    read_expected_inputs,
)
from kerasnorm.doctor.probes.inputs.input_trials import (
    FIRST_ROUND,
    KNOWN_BEFORE,
    NATS,
    Outcome,
    Trials,
    part_of,
    prove_map,
)
from kerasnorm.doctor.probes.inputs.reported_loss import Reported
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers

# Samples on which maps are tried, and as many others that confirm the best one.
SAMPLES = 256
FEWEST = 48
# Training accuracy with which no inputs can be far from what the network expects.
WELL = 0.98
# Below this accuracy, or above this part of the loss of guessing, preparations are
# tried even where statistics speak of none. Where no statistics could, they always are.
BADLY, BADLY_LOSS = 0.9, 0.5
# Augmentation alone changes scales and offsets by less: a factor, and a part of the
# standard deviation.
OTHER_FACTOR, OTHER_OFFSET = 1.5, 0.5
# Part of what the map and recalibration repair together that the map alone must
# repair. What is less could be stale statistics that a scale happens to help.
ALONE = 0.9
# Residual of the statistics up to which a named map stands beside stale ones.
SURE = 9.0
# Part of the residual of the images as given that a usual preparation may leave to be
# believed of a network that has learned too little to prove it by its answers.
BEYOND_DOUBT = 1e-3


@dataclass(frozen=True)
class ExpectedInputs:
    """Inputs with which the network does what it has learned.

    Args:
        images: What the given images have to go through.
        source: `"statistics"` if moving statistics told it, `"trial"` if it was found
            by trying the usual preparations, and what lies between them.
        low: Lower 99% limit of the fall of the training loss.
        p_value: Of that fall, on samples that did not choose the map.
        alone: Part of what map and recalibration repair together that the map repairs.
        misfit: Residual of the first norm's moving statistics from those of the
            images as given and as mapped, in units of what is normal; None without.
        before: Outcome of the samples as given, by split.
        after: The same with the map.
        order_proved: Whether the order of the channels is told as well, None where
            there is no other one of this preparation.
    """

    images: InputMap
    source: str
    low: float
    p_value: float
    alone: float
    misfit: tuple[float, float] | None
    before: dict[str, Outcome]
    after: dict[str, Outcome]
    order_proved: bool | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that the map repairs."""
        return tuple(
            name
            for name in self.before
            if self.after[name].loss < self.before[name].loss
        )

    @property
    def note(self) -> str:
        """What it means for all that is measured after it."""
        return (
            f"everything but the inputs was measured with {' and '.join(self.splits)} "
            f"inputs mapped ({self.images.name})"
        )

    def repair(self, samples: Samples, split: str) -> Samples:
        """Return samples of a split as the network expects them.

        Args:
            samples: What is given to the network.
            split: `"training"` or `"validation"`; it stays if its inputs were right.
        """
        if split not in self.splits:
            return samples
        return samples.with_inputs(self.images.apply(samples.inputs))


def measure_expected_inputs(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    loss: LossOfSamples,
    steps: int | None,
    unit: float = 1.0,
    reported: Reported | None = None,
) -> ExpectedInputs | None:
    """Find the affine map of the channels with which training samples are recognized.

    Moving statistics of the first norm name the maps to try; where there are none, and
    the network does badly, the usual preparations are tried, and without batch norms
    any scale and offset. A map counts where it repairs the training samples under
    moving statistics, on samples that did not choose it, and where recalibrated
    statistics would not do more.

    Args:
        model: The model, inside `state.restored_after`.
        train: Training samples as they are given to the network.
        validation: Validation samples, or None.
        loss: The loss of each sample.
        steps: Training steps, None where unknown.
        unit: Loss that counts as one.
        reported: What the training said of its epochs: where the images as given lose
            no more, none is tried but what statistics name. None if unknown.

    Returns:
        The map, None where the inputs are right as they are, or nothing else is
        proved.
    """
    x = train.inputs
    axis = _axis_to_map(x)
    if loss.by_batch or fixed_batch(model) or axis is None or train.count < FEWEST:
        return None
    if any(isinstance(n, keras.layers.Embedding) for _, n in iter_layers(model)):
        return None
    table, trials, unchanged = is_table(x), Trials(model, loss), identity(x, axis)
    named = list(feature_maps(x) if table else named_maps(x, axis))
    order = np.random.default_rng(0).permutation(train.count)
    # A network that knows little needs all other samples to prove anything.
    half = min(SAMPLES, train.count // 2)
    choosing, confirming = (
        part_of(train, np.sort(part)) for part in np.split(order, [half])
    )
    losses, scores = trials.measure(choosing, unchanged)
    losses = np.nan_to_num(losses, nan=np.inf, posinf=np.inf)
    if scores and scores.accuracy >= WELL and losses.mean() < NATS * unit:
        return None
    known = read_expected_inputs(model, choosing.inputs, axis, steps, named)
    reached = reported and reported.is_reached(model, choosing, validation)
    silent = not table and not batch_norms(model, frozen=True)
    badly = not reached and _does_badly(losses, scores, silent)
    usual = _from_trial(known, choosing.inputs, axis, named) if badly else []
    for source, maps in (
        ("statistics", _from_statistics(known, choosing.inputs)),
        ("trial", usual),
    ):
        if not maps:
            continue
        best, tried = trials.best_of(maps, choosing)
        halves = choosing, confirming
        missed = reached is False
        if silent and scores and (missed or scores.skill[0] < KNOWN_BEFORE):
            best, tried = _searched(trials, best, tried, choosing, unit)
        proof = prove_map(trials, halves, unchanged, best, tried, unit, missed=missed)
        if proof is None and (told := _told(known, maps)) is not None:
            best = told
            proof = prove_map(trials, halves, unchanged, best, tried, unit, told=True)
        if proof is None:
            continue
        alone, low, p_value = proof
        misfits = dict(known.maps) if known else {}
        if alone < ALONE and not (best.preparation and misfits.get(best, 99) < SURE):
            continue
        best, proved = decide_order(trials, best, named, confirming)
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
            proved,
        )
    return None


def _axis_to_map(x: Any) -> int | None:
    """Return the axis along which maps differ, None where none could apply."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiu":
        return None
    return -1 if is_table(x) else channel_axis(x.shape)


def _searched(
    trials: Trials, usual: InputMap, tried: int, samples: Samples, unit: float
) -> tuple[InputMap, int]:
    """Return any scale and offset where they fit clearly better than a usual map."""
    few = part_of(samples, np.arange(min(FIRST_ROUND, samples.count)))
    unchanged = identity(samples.inputs, usual.axis)
    found, passes = search_map(trials, unchanged, usual, few)
    fits = trials.mean_loss(few, found) < trials.mean_loss(few, usual) - NATS * unit
    better = fits and is_other(found, samples.inputs)
    return found if better else usual, tried + passes


def _from_statistics(known: StatisticsOfInputs | None, x: np.ndarray) -> list[InputMap]:
    if known is None:
        return []
    found = [images for images, _ in known.maps]
    if is_table(x):
        return [images for images in found if is_other(images, x)]
    # Means and variances are the same for a negative.
    best = {images.order: images for images in reversed(found)}
    found += [negative_of(images, x) for images in best.values()]
    return [images for images in found if is_other(images, x)]


def _told(known: StatisticsOfInputs | None, maps: list[InputMap]) -> InputMap | None:
    """Return the usual preparation that statistics tell beyond doubt, if they do."""
    if known is None:
        return None
    usual = [(residual, i) for i, residual in known.maps if i.preparation and i in maps]
    residual, images = min(usual, key=lambda one: one[0], default=(np.inf, None))
    return images if residual <= BEYOND_DOUBT * known.misfit else None


def _does_badly(losses: np.ndarray, scores: Scores | None, silent: bool) -> bool:
    """Return whether a classifier may know its training samples badly.

    Args:
        losses: Losses of (samples,).
        scores: What else is known of them, None where they have no classes.
        silent: Whether the network has no statistics that could speak of its inputs.
    """
    if scores is None or silent:
        return scores is not None
    guessing = max(scores.prior_entropy, 1e-12)
    return scores.accuracy < BADLY or losses.mean() >= BADLY_LOSS * guessing


def _from_trial(
    known: StatisticsOfInputs | None, x: np.ndarray, axis: int, named: list[InputMap]
) -> list[InputMap]:
    """Return the usual preparations that statistics do not speak against."""
    maps = [images for images in named if is_other(images, x)]
    if known is not None:
        # A large scale hides any shift of the statistics, so that it helps where they
        # are wrong: without their word only orders are tried.
        if not known.acquits or is_table(x):
            return []
        maps = [images for images in maps if _is_scaled_alike(images, x)]
    if is_table(x):
        return maps
    maps.append(negative_of(identity(x, axis), x))
    # Of equals the least change is taken: without norms, scales matter little.
    return sorted(maps, key=lambda images: abs(np.log(images.factor)))


def _is_scaled_alike(images: InputMap, x: np.ndarray) -> bool:
    """Return whether scale and offset are such as augmentation gives as well."""
    others = tuple(i for i in range(x.ndim) if i != images.axis % x.ndim)
    mean, std = (f(axis=others, dtype="float64") for f in (x.mean, x.std))
    scale, offset = np.array(images.scale), np.array(images.offset)
    order = np.array(images.order)
    moved = np.abs(scale * mean[order] + offset - mean[order])
    near = 1 / OTHER_FACTOR < images.factor < OTHER_FACTOR and scale.min() > 0
    return bool(near and (moved <= OTHER_OFFSET * std[order] * np.abs(scale)).all())


def is_other(images: InputMap, x: np.ndarray) -> bool:
    """Return whether a map does more to the images than augmentation would."""
    return images.is_reordered or not _is_scaled_alike(images, x)
