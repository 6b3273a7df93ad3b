"""What every measurement works with: samples that fit the time, loss, inputs."""

import time
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import run
from kerasnorm.doctor.loss_matrix.loss_choice import LossChoice, choose_loss
from kerasnorm.doctor.losses.evaluation_batches import first_batch
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.inputs.expected_inputs import (
    ExpectedInputs,
    measure_expected_inputs,
)
from kerasnorm.doctor.probes.inputs.reported_loss import Reported, reported_loss
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.unsupported_inputs import (
    find_unsupported_inputs,
    weights_are_finite,
)
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.sampling.splits import Splits
from kerasnorm.doctor.time_limit import TimeLimit

# Passes over each split that the loss matrix and the probes make together.
PASSES = 9
# Batches of two make a pass long; this many leave 0.03 nats of noise.
MOST_BATCHES = 192
# The part of `ExpectedInputs.repair` for each split.
PARTS = {
    "train": "training",
    "train_unaugmented": "training",
    "validation": "validation",
    "validation_as_train": "validation",
}


@dataclass(frozen=True)
class Setup:
    """What every step works with.

    Args:
        model: The model, inside `restored_after`.
        choice: The losses, and why there is none.
        splits: Samples that pass through the model, with the inputs that it expects.
        given: The same samples with the inputs as given.
        all_splits: All samples as given, for what needs no pass through the model.
        expected: The inputs that the model expects where they are not those given.
        limit: Time, and what is noted.
    """

    model: keras.Model
    choice: LossChoice
    splits: Splits
    given: Splits
    all_splits: Splits
    expected: ExpectedInputs | None
    limit: TimeLimit

    @property
    def loss(self) -> LossOfSamples | None:
        """The loss to judge by, None where none can be measured."""
        return self.choice.judged


def set_up(
    model: keras.Model,
    all_splits: Splits,
    loss: Any,
    history: Any,
    limit: TimeLimit,
    most: int,
) -> Setup:
    """Take as many samples as there is time for, choose the loss, look at the inputs.

    Args:
        model: The model, inside `restored_after`.
        all_splits: All samples.
        loss: Loss to use instead of the compiled one, or None.
        history: What `fit` returned, or None.
        limit: Time, and what is noted.
        most: Largest number of samples of a split that pass through the model.
    """
    limit.notes += [note for _, split in all_splits.items() for note in split.notes]
    limit.notes += find_unsupported_inputs(model, all_splits)
    if all_splits.validation is None:
        limit.notes.append("no validation data: the gap was not examined")
    shape, size = _measure_speed(model, all_splits.train, limit, most)
    limit.notes += _describe_size(all_splits, size, most)
    all_splits = all_splits.map(lambda name, split: split.with_meaning(shape))
    train = all_splits.train
    given = replace(
        all_splits.map(lambda name, split: split.head(size)),
        train=train.head(min(size, MOST_BATCHES * train.batch_size)),
    )
    choice = choose_loss(model, given.train, given.validation, shape, loss)
    limit.notes += choice.notes
    reported = reported_loss(choice.compiled, history)
    expected = _find_expected_inputs(model, given, choice.judged, reported, limit)
    splits = given
    if expected is not None:
        # Other faults show only behind the right inputs.
        splits = given.map(lambda name, split: expected.repair(split, PARTS[name]))
    return Setup(model, choice, splits, given, all_splits, expected, limit)


def _measure_speed(
    model: keras.Model, train: Samples, limit: TimeLimit, most: int
) -> tuple[tuple[int, ...] | None, int]:
    """Return the shape of the outputs, and how many samples fit into the time."""
    probe = first_batch(model, train, 64)
    first = [np.arange(probe.count)]
    # The first pass compiles.
    outputs = run(model, probe, first)
    begin = time.perf_counter()
    run(model, probe, first)
    taken = time.perf_counter() - begin
    each, left = taken / probe.count, max(limit.left, 1.0)
    fitting = max(128, int(0.6 * left / (2 * PASSES * each)))
    shape = outputs.shape if isinstance(outputs, np.ndarray) else None
    return shape, min(most, fitting)


def _describe_size(splits: Splits, size: int, most: int) -> list[str]:
    return [
        f"{size} of {min(split.count, most)} {name.replace('_', ' ')} samples were "
        "used, to finish in time"
        for name, split in splits.items()
        if min(split.count, most) > size
    ]


def _find_expected_inputs(
    model: keras.Model,
    given: Splits,
    loss: LossOfSamples | None,
    reported: Reported | None,
    limit: TimeLimit,
) -> ExpectedInputs | None:
    if loss is None or not weights_are_finite(model):
        return None
    if not limit.allows("looking for the inputs that the network expects"):
        return None
    steps = inspect_optimizer(model).steps
    found = measure_expected_inputs(
        model, given.train, given.validation, loss, steps, reported=reported
    )
    if found is not None:
        limit.notes.append(found.note)
    return found
