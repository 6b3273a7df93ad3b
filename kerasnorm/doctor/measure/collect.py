"""Measures what the checks read, one thing after another, until time is up."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.forward.statistics import (
    batch_norms,
    evaluate,
    read_statistics,
)
from kerasnorm.doctor.forward.temporary_statistics import temporary_statistics
from kerasnorm.doctor.loss_matrix.budget import PairedDraws, split_gap
from kerasnorm.doctor.loss_matrix.loss_scale import scale_of
from kerasnorm.doctor.loss_matrix.matrix import (
    LossMatrix,
    describe_added,
    measure_losses,
)
from kerasnorm.doctor.loss_matrix.scores import log_probabilities, score_cells
from kerasnorm.doctor.losses.evaluation_batches import first_batch
from kerasnorm.doctor.measure.sample_study import study_samples
from kerasnorm.doctor.measure.setup import Setup, set_up
from kerasnorm.doctor.measure.split_differences import compare_splits
from kerasnorm.doctor.measurements import LARGEST_LOSS, Measurements
from kerasnorm.doctor.probes.batch_loss_variance import measure_batch_loss_variance
from kerasnorm.doctor.probes.batch_size import measure_batch_sizes
from kerasnorm.doctor.probes.history import read_history
from kerasnorm.doctor.probes.inputs.inputs import describe_inputs
from kerasnorm.doctor.probes.inputs.weights_inputs import measure_inputs_of_weights
from kerasnorm.doctor.probes.labels.labels import (
    label_entropy,
    measure_label_order,
    softness,
)
from kerasnorm.doctor.probes.labels.noise import estimate_label_noise
from kerasnorm.doctor.probes.labels.noise_estimate import (
    LabelNoiseEstimate,
    describe_label_noise,
)
from kerasnorm.doctor.probes.labels.suspects import Network
from kerasnorm.doctor.probes.moving_statistics import measure_norm_states
from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.precision import measure_precision
from kerasnorm.doctor.probes.rates.learning_rate import try_learning_rates
from kerasnorm.doctor.probes.rates.rate_trial import RateTrial
from kerasnorm.doctor.probes.structure import inspect_structure
from kerasnorm.doctor.probes.training_mode_layers import measure_dropout_shift
from kerasnorm.doctor.probes.unsupported_inputs import weights_are_finite
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.doctor.sampling.splits import Splits
from kerasnorm.doctor.time_limit import TimeLimit

# Part of the time left that short trainings may take.
OF_THE_TIME = 0.7


def collect_measurements(
    model: keras.Model,
    all_splits: Splits,
    loss: Any,
    history: Any,
    limit: TimeLimit,
    most: int,
    thorough: bool = True,
) -> Measurements:
    """Measure everything that there are data and time for.

    Args:
        model: The model, inside `restored_after`.
        all_splits: All samples.
        loss: Loss to use instead of the compiled one, or None.
        history: What `fit` returned, or None.
        limit: Time after which probes are left out; gets the notes, too.
        most: Largest number of samples of a split that pass through the model.
        thorough: Whether to train new copies where training got nowhere.
    """
    setup = set_up(model, all_splits, loss, history, limit, most)
    splits = setup.splits
    matrix = _measure_matrix(setup)
    found = replace(
        _describe_training(setup, matrix, history),
        label_mismatch=setup.choice.problem,
        expected=setup.expected,
        train_inputs=describe_inputs(setup.given.train),
        label_order=measure_label_order(setup.all_splits.train),
        precision=measure_precision(model, first_batch(model, splits.train)),
    )
    if setup.expected is None and limit.allows("asking frozen weights for inputs"):
        inputs = measure_inputs_of_weights(model, splits.train)
        found = replace(found, weights_inputs=inputs)
    found = _measure_layers(setup, found)
    if thorough:
        # Of a network that knows nothing this tells more than all that follows.
        found = replace(found, rate_trial=_train_shortly(setup, found))
    if splits.validation is not None:
        found = compare_splits(setup, found, splits.validation)
    found = replace(found, label_noise=_estimate_label_noise(setup, found))
    return study_samples(setup, found)


def _measure_matrix(setup: Setup) -> LossMatrix:
    compiled = setup.choice.compiled
    if setup.loss is None or compiled is None:
        return LossMatrix({})
    setup.limit.on_progress("measuring the loss matrix")
    splits = setup.splits
    matrix = measure_losses(
        setup.model, splits.train, splits.validation, compiled, setup.loss
    )
    setup.limit.notes += describe_added(matrix)
    return matrix


def _describe_training(setup: Setup, matrix: LossMatrix, history: Any) -> Measurements:
    """Return what losses, model, optimizer and labels tell."""
    model, train, validation = setup.model, setup.splits.train, setup.splits.validation
    optimizer = inspect_optimizer(model)
    moving = matrix.moving or read_statistics(batch_norms(model))
    return Measurements(
        matrix=matrix,
        draws=PairedDraws(matrix, train, validation),
        budget=split_gap(matrix, train, validation),
        scale=scale_of(matrix, train, setup.loss),
        prior_entropy=label_entropy(train),
        batch_size=train.batch_size,
        last_size=train.last_size,
        batches=train.num_batches,
        structure=inspect_structure(model),
        optimizer=optimizer,
        norms=measure_norm_states(model, moving, matrix.estimated, optimizer.steps),
        curves=read_history(history),
        weights_finite=weights_are_finite(model),
        scores=score_cells(matrix.outputs, train, validation, setup.loss),
        added_loss=matrix.added.get(Cell.VALIDATION_MOVING, 0.0),
        extra=_describe_losses(model, matrix, train),
    )


def _describe_losses(
    model: keras.Model, matrix: LossMatrix, train: Samples
) -> dict[str, Any]:
    extra: dict[str, Any] = {"trainable_variables": len(model.trainable_variables)}
    if softness(train) > 0:
        extra["softness_of_labels"] = softness(train)
    validation = matrix.losses.get(
        Cell.VALIDATION_RECALIBRATED, matrix.losses.get(Cell.VALIDATION_MOVING)
    )
    if validation is not None:
        extra["validation_loss_error"] = validation.std() / np.sqrt(len(validation))
    in_batches = matrix.losses.get(Cell.TRAIN_BATCH_STATISTICS)
    if in_batches is not None and abs(in_batches.mean()) < LARGEST_LOSS:
        extra["loss_within_epoch"] = measure_batch_loss_variance(in_batches, train)
    return extra


def _measure_layers(setup: Setup, found: Measurements) -> Measurements:
    """Add what dropout and the size of batches do to the statistics."""
    model, loss, train = setup.model, setup.loss, setup.splits.train
    cells = (Cell.TRAIN_MOVING, Cell.TRAIN_RECALIBRATED)
    if loss is None or not found.has(*cells):
        return found
    if found.difference(*cells)[1] > 0 and setup.limit.allows(
        "measuring what dropout does to the statistics"
    ):
        shift = measure_dropout_shift(model, train, loss, found.matrix)
        found = replace(found, dropout_shift=shift)
    if found.has(Cell.TRAIN_BATCH_64) and setup.limit.allows("trying batch sizes"):
        sizes = measure_batch_sizes(model, train, loss)
        found = replace(found, extra={**found.extra, "loss_by_batch_size": sizes})
    return found


def _estimate_label_noise(
    setup: Setup, found: Measurements
) -> LabelNoiseEstimate | None:
    """Estimate wrong labels, on all samples: no pass through the model."""
    every, limit = setup.all_splits, setup.limit
    if every.validation is None or setup.loss is None or found.prior_entropy is None:
        return None
    if not limit.allows("looking for wrong labels"):
        return None
    noise = estimate_label_noise(
        every.plainest_train, every.validation, limit.left, _network(setup, found)
    )
    limit.notes.append(describe_label_noise(noise))
    return noise


def _network(setup: Setup, found: Measurements) -> Network | None:
    """Return what gives log probabilities under the right statistics and inputs."""
    model, loss, expected = setup.model, setup.loss, setup.expected
    if loss is None or found.repaired[0] not in found.scores:
        return None

    def log_p(samples: Samples, split: str) -> np.ndarray | None:
        if expected is not None:
            samples = expected.repair(samples, split)
        with temporary_statistics(model, found.matrix.estimated):
            outputs = evaluate(model, samples)
        return log_probabilities(outputs, loss.from_logits)

    return log_p


def _train_shortly(setup: Setup, found: Measurements) -> RateTrial | None:
    """Train new copies where training got nowhere."""
    limit = setup.limit
    if setup.loss is None or found.prior_entropy is None:
        return None
    if found.precision is not None and found.precision.overflowing:
        return None
    usable = found.has(found.repaired[0]) and found.weights_finite
    if usable and not found.has_learned_little:
        return None
    if not limit.allows("training shortly at lower learning rates"):
        return None
    trial = try_learning_rates(
        setup.model,
        setup.splits.train,
        setup.loss.from_logits,
        max(OF_THE_TIME * limit.left, 5.0),
        found.optimizer.steps,
    )
    if trial is None:
        limit.notes.append(
            "lower learning rates were not tried: no optimizer, no time, or a model "
            "that Keras cannot clone"
        )
    return trial
