"""Measures what dropout or augmentation layers do to the statistics behind them."""

import keras

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.forward.temporary_statistics import losses_on_statistics_of
from kerasnorm.doctor.loss_matrix.budget import PairedDraws
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.losses.evaluation_batches import shuffled
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.structure import random_layers
from kerasnorm.doctor.sampling.samples import Samples


def measure_dropout_shift(
    model: keras.Model,
    train: Samples,
    loss: LossOfSamples,
    matrix: LossMatrix,
) -> dict[str, tuple[float, float, float]]:
    """Estimate the statistics with dropout, then augmentation acting, and evaluate.

    Args:
        model: The model; wrap the call in `state.restored_after`.
        train: The training samples of the matrix.
        loss: The loss of each sample.
        matrix: The loss matrix, for B' (estimated with these layers in inference mode).

    Returns:
        For each group of layers that the model has, how much the training loss under
        those statistics exceeds B', with its 95% interval.
    """
    found = {}
    for group, layers in random_layers(model).items():
        losses = losses_on_statistics_of(
            model, train, shuffled(model, train), train, loss, layers
        )
        both = LossMatrix(
            {
                Cell.TRAIN_RECALIBRATED: matrix.losses[Cell.TRAIN_RECALIBRATED],
                Cell.TRAIN_LAYERS_ACTIVE: losses,
            }
        )
        found[group] = PairedDraws(both, train, None).difference(
            Cell.TRAIN_LAYERS_ACTIVE, Cell.TRAIN_RECALIBRATED
        )
    return found
