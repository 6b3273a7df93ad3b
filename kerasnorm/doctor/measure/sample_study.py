"""Measures which samples go wrong, and what properties of images have to do with it."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from kerasnorm.doctor.forward.temporary_statistics import temporary_statistics
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.measure.setup import Setup
from kerasnorm.doctor.measurements import Measurements
from kerasnorm.doctor.probes.images.drifts import find_drifts, measure_drifts
from kerasnorm.doctor.probes.images.looked_at import ImageSet, Network, look_at
from kerasnorm.doctor.probes.images.properties import scale_of
from kerasnorm.doctor.probes.images.segments import find_segments, try_segments
from kerasnorm.doctor.probes.images.shortcuts import (
    measure_shortcuts,
    predictive_properties,
)


def study_samples(setup: Setup, found: Measurements) -> Measurements:
    """Add where errors sit, and which properties of images differ or predict labels.

    Args:
        setup: What to work with.
        found: What was measured before.
    """
    loss, validation = setup.loss, setup.splits.validation
    trained, seen = found.repaired
    usable = loss is not None and validation is not None and found.weights_finite
    # Of a network that knows nothing no change of its answers tells anything.
    if not usable or seen not in found.scores or trained not in found.scores:
        return found
    if found.has_learned_little:
        return found
    if not setup.limit.allows("looking where errors sit"):
        return found
    # The same inputs as those that gave the scores: other ones follow.
    scale = _scale(setup)
    train = look_at(setup.splits.train, scale, found.scores[trained])
    images = look_at(validation, scale, found.scores[seen])  # type: ignore[arg-type]
    segments = find_segments(validation, found.scores[seen].correct, images)  # type: ignore[arg-type]
    found = replace(found, segments=tuple(segments))
    if train is None or images is None:
        return found
    estimated = found.matrix.estimated if found.has(seen) else {}
    exact = bool(estimated) and seen != "D"
    statistics = (
        temporary_statistics(setup.model, estimated)
        if exact
        else contextlib.nullcontext()
    )
    with statistics:
        return _intervene(setup, found, train, images, loss)  # type: ignore[arg-type]


def _scale(setup: Setup):
    images = setup.splits.train.images()
    return scale_of(images) if images is not None else None


def _intervene(
    setup: Setup,
    found: Measurements,
    train: ImageSet,
    images: ImageSet,
    loss: LossOfSamples,
) -> Measurements:
    """Change one property at a time, and see what the network makes of it."""
    network, limit = Network(setup.model, loss.from_logits), setup.limit
    if any(segment.wanted is not None for segment in found.segments) and limit.allows(
        "changing a property of the images that go wrong"
    ):
        tried = try_segments(list(found.segments), images, network)
        found = replace(found, segments=tuple(tried))
    plain = train
    if setup.splits.train_unaugmented is not None:
        scores = network.answer(setup.splits.train_unaugmented)
        plain = look_at(setup.splits.train_unaugmented, train.scale, scores) or train
    if find_drifts(plain, images):
        found = replace(
            found,
            drifts=_while_time(
                setup,
                "changing a property that differs between the splits",
                lambda: measure_drifts(plain, images, network),
            ),
        )
    if predictive_properties(plain):
        found = replace(
            found,
            shortcuts=_while_time(
                setup,
                "changing a property that predicts the label",
                lambda: measure_shortcuts(plain, images, network),
            ),
        )
    return found


def _while_time(setup: Setup, step: str, measure: Callable[[], Iterable]) -> tuple:
    """Return what there is time to measure; what is left out is noted once."""
    results = []
    if setup.limit.allows(step):
        for result in measure():
            results.append(result)
            if setup.limit.left <= 0:
                break
    return tuple(results)
