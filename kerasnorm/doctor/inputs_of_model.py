"""Which inputs a finished model expects: the doctor's probe on its own."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.compiled_forward import compiled_forward_cache
from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.forward.statistics import build, evaluate
from kerasnorm.doctor.loss_matrix.loss_choice import choose_loss
from kerasnorm.doctor.loss_matrix.proportions import ALPHA
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.inputs.expected_inputs import (
    SAMPLES,
    WELL,
    ExpectedInputs,
    measure_expected_inputs,
)
from kerasnorm.doctor.probes.inputs.input_map import InputMap, channel_axis, identity
from kerasnorm.doctor.probes.inputs.input_trials import NATS, Trials, fall
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.doctor.sampling.samples import Samples

# Loss, in nats, that another way of resizing must save.
RESIZED_SAVES = 0.02


def find_expected_inputs(
    model: keras.Model, batches: Iterable
) -> ExpectedInputs | None:
    """Find out whether a model expects other inputs than these, and which.

    Use it before anything is measured on images of a model that somebody else trained.

    Args:
        model: The model; it stays as it is.
        batches: Training batches of (images, labels).

    Returns:
        The map of the channels with which the model recognizes them, None if they are
        right, or nothing can be proved.

    Example:
        >>> found = find_expected_inputs(model, batches)
        >>> found.images.name
        'x / 255'
    """
    samples = sample_batches(batches, 2 * SAMPLES, model=model)
    build(model, samples)
    with restored_after(model), compiled_forward_cache():
        loss = hard_loss(model, samples)
        if loss is None:
            return None
        steps = inspect_optimizer(model).steps
        return measure_expected_inputs(model, samples, None, loss, steps)


def hard_loss(model: keras.Model, samples: Samples) -> LossOfSamples | None:
    """Return the loss to judge a model by, None where labels do not fit its outputs.

    Args:
        model: A built model.
        samples: Samples with labels.
    """
    if samples.y is None:
        return None
    outputs = evaluate(model, samples.head(64))
    shape = outputs.shape if isinstance(outputs, np.ndarray) else None
    try:
        return choose_loss(model, samples, None, shape).judged
    except ValueError:
        # Neither compiled nor of a kind whose loss can be guessed.
        return None


def choose_resizing(
    model: keras.Model, given: Any, others: Mapping[str, Any]
) -> tuple[str, float, float] | None:
    """Find a way of resizing with which a model recognizes training images better.

    Args:
        model: The model; it stays as it is.
        given: Batches of (images, labels) as they are resized now.
        others: The same files otherwise resized, by name; read only if the model does
            not recognize the given ones well.

    Returns:
        Name of the best other way, and the loss on files that did not choose it, before
        and after; None if nothing is clearly better.
    """
    samples = sample_batches(given, SAMPLES, model=model)
    build(model, samples)
    with restored_after(model), compiled_forward_cache():
        loss = hard_loss(model, samples)
        axis = channel_axis(samples.inputs.shape)
        if loss is None or axis is None or samples.count < 32:
            return None
        trials = Trials(model, loss)
        steps = inspect_optimizer(model).steps
        found = measure_expected_inputs(model, samples, None, loss, steps)
        images = found.images if found else identity(samples.inputs, axis)
        losses, scores = trials.measure(samples, images)
        if scores is None or (scores.accuracy >= WELL and losses.mean() < NATS):
            return None
        return _best(trials, samples, images, others)


def _best(
    trials: Trials, samples: Samples, images: InputMap, others: Mapping[str, Any]
) -> tuple[str, float, float] | None:
    before = trials.measure(samples, images)[0]
    halves = np.array_split(np.random.default_rng(0).permutation(samples.count), 2)
    losses = {}
    for name, batches in others.items():
        other = sample_batches(batches, SAMPLES)
        # Only pairs tell so small a difference.
        if np.array_equal(other.labels, samples.labels):
            losses[name] = trials.measure(other, images)[0]
    if not losses:
        return None
    name = min(losses, key=lambda one: losses[one][halves[0]].mean())
    for half, level in zip(halves, (ALPHA / len(losses), ALPHA), strict=True):
        first, second = before[half], losses[name][half]
        p_value, _ = fall(first, second, level)
        if p_value >= level or first.mean() - second.mean() < RESIZED_SAVES:
            return None
    return name, float(first.mean()), float(second.mean())
