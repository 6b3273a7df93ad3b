"""Measures validation under other preparations of the images, statistics true."""

import keras
import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.forward.statistics import (
    Pass,
    evaluate_loss,
    forward_pass,
)
from kerasnorm.doctor.forward.temporary_statistics import (
    losses_on_statistics_of,
    temporary_statistics,
)
from kerasnorm.doctor.loss_matrix.budget import PairedDraws
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches, shuffled
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.inputs.inputs import MapTrial, apply_map, try_maps
from kerasnorm.doctor.sampling.samples import Samples


def try_maps_under_true_statistics(
    model: keras.Model,
    matrix: LossMatrix,
    train: Samples,
    validation: Samples,
    loss: LossOfSamples,
) -> list[MapTrial]:
    """Try maps of the inputs so that stale statistics do not blur the result.

    Args:
        model: The model; wrap the call in `state.restored_after`.
        matrix: The loss matrix.
        train: Training samples.
        validation: Validation samples.
        loss: The loss of each sample.
    """
    with temporary_statistics(model, matrix.estimated):
        return try_maps(model, train, validation, loss)


def measure_mapped(
    model: keras.Model,
    matrix: LossMatrix,
    train: Samples,
    validation: Samples,
    loss: LossOfSamples,
    name: str,
) -> Pass:
    """Evaluate validation samples whose inputs went through a map.

    Args:
        model: The model; wrap the call in `state.restored_after`.
        matrix: The loss matrix.
        train: Training samples, for the moments to match.
        validation: Validation samples.
        loss: The loss of each sample.
        name: Name of the `MapTrial`.
    """
    mapped = validation.with_inputs(apply_map(name, train.inputs, validation.inputs))
    with temporary_statistics(model, matrix.estimated):
        batches = evaluation_batches(model, mapped, loss)
        return forward_pass(model, mapped, batches, loss)


def try_validation_as_train(
    model: keras.Model,
    matrix: LossMatrix,
    validation_as_train: Samples,
    loss: LossOfSamples,
) -> tuple[float, float, float]:
    """Evaluate validation samples that went through the training pipeline.

    Args:
        model: The model; wrap the call in `state.restored_after`.
        matrix: The loss matrix.
        validation_as_train: Validation samples prepared as training samples, nothing
            random.
        loss: The loss of each sample.

    Returns:
        How much lower the loss is than as validation is prepared, with its 95%
        interval; the samples need not be the same ones.
    """
    with temporary_statistics(model, matrix.estimated):
        after = evaluate_loss(model, validation_as_train, loss)
    before = matrix.losses.get(
        Cell.VALIDATION_RECALIBRATED, matrix.losses[Cell.VALIDATION_MOVING]
    )
    gain = float(before.mean() - after.mean())
    error = 1.96 * np.hypot(*(v.std() / np.sqrt(len(v)) for v in (before, after)))
    return gain, float(gain - error), float(gain + error)


def try_unaugmented_statistics(
    model: keras.Model,
    matrix: LossMatrix,
    train_unaugmented: Samples,
    splits: tuple[Samples, Samples],
    loss: LossOfSamples,
) -> tuple[float, float, float] | None:
    """Evaluate validation under statistics of training samples not augmented.

    Args:
        model: The model; wrap the call in `state.restored_after`.
        matrix: The loss matrix.
        train_unaugmented: Training samples as validation prepares them.
        splits: The training and validation samples of the matrix.
        loss: The loss of each sample.

    Returns:
        How much lower the validation loss is, with its 95% interval; None for a model
        without batch norms.
    """
    if not matrix.estimated:
        return None
    train, validation = splits
    batches = shuffled(model, train_unaugmented)
    losses = losses_on_statistics_of(
        model, train_unaugmented, batches, validation, loss
    )
    both = LossMatrix(
        {
            Cell.VALIDATION_RECALIBRATED: matrix.losses[Cell.VALIDATION_RECALIBRATED],
            Cell.VALIDATION_UNAUGMENTED: losses,
        }
    )
    return PairedDraws(both, train, validation).difference(
        Cell.VALIDATION_RECALIBRATED, Cell.VALIDATION_UNAUGMENTED
    )
