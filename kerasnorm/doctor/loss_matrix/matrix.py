"""The loss matrix: the same frozen weights under every kind of statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.cells import CELLS, Cell
from kerasnorm.doctor.forward.statistics import (
    Pass,
    Statistics,
    batch_norms,
    forward_pass,
    read_statistics,
)
from kerasnorm.doctor.forward.temporary_statistics import temporary_statistics
from kerasnorm.doctor.losses.evaluation_batches import (
    EVALUATION_BATCH,
    evaluation_batches,
    fixed_batch,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples

# Statistics of smaller batches are too noisy to estimate others from: inside the
# network every norm normalizes with them.
SMALLEST_BATCH_TO_ESTIMATE_FROM = 32


@dataclass(frozen=True)
class LossMatrix:
    """Loss of every sample in every cell, and what else those passes gave.

    Args:
        losses: For each cell of `CELLS` that applies, losses of (samples,).
        outputs: Outputs of the model in the same cells.
        moving: Moving statistics as found, by layer path.
        estimated: Statistics of the training inputs.
        estimated_on_validation: Statistics of the validation inputs.
        compiled: Mean of the loss as compiled in each cell, where `losses` are those
            of hard labels; empty where they are the compiled ones.
        added: What layers and regularizers add to the loss in each cell, in `evaluate`.
        by_batch: Whether each sample carries the loss of its batch.
    """

    losses: Mapping[Cell, np.ndarray]
    outputs: Mapping[Cell, Any] = field(default_factory=dict)
    moving: Statistics = field(default_factory=dict)
    estimated: Statistics = field(default_factory=dict)
    estimated_on_validation: Statistics = field(default_factory=dict)
    compiled: Mapping[Cell, float] = field(default_factory=dict)
    added: Mapping[Cell, float] = field(default_factory=dict)
    by_batch: bool = False

    def mean(self, cell: Cell) -> float:
        """Return the mean loss of a cell, NaN where it was not measured."""
        return float(self.losses[cell].mean()) if cell in self.losses else float("nan")

    def means(self) -> dict[str, float]:
        """Return the mean compiled loss of every cell that was measured."""
        return {
            cell.value: self.compiled.get(cell, self.mean(cell))
            for cell in CELLS
            if cell in self.losses
        }


def measure_losses(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    loss: LossOfSamples,
    judged: LossOfSamples | None = None,
) -> LossMatrix:
    """Measure the matrix at frozen weights, with dropout off.

    Args:
        model: A built model. Its moving statistics change while this runs: wrap the
            call in `state.restored_after`.
        train: Training samples, in their batches.
        validation: Validation samples, or None: the cells D to D'' are then left out.
        loss: The loss of the model.
        judged: The loss to judge by, None for `loss` itself.

    Returns:
        The matrix. Without a batch norm in training mode only B and D are there, and A,
        which then equals B.

    Example:
        >>> with state.restored_after(model):
        ...     matrix = measure_losses(model, train, validation, loss)
        >>> matrix.mean(Cell.VALIDATION_MOVING)
    """
    splits = {"train": train, "validation": validation}
    cells: dict[Cell, Pass] = {}

    def evaluate(cell: Cell) -> None:
        samples = splits[cell.split_name]
        if samples is not None:
            batches = evaluation_batches(model, samples, loss)
            cells[cell] = forward_pass(model, samples, batches, loss)

    evaluate(Cell.TRAIN_MOVING)
    evaluate(Cell.VALIDATION_MOVING)
    norms = batch_norms(model)
    moving = read_statistics(norms)
    estimated: Statistics = {}
    on_validation: Statistics = {}
    if not norms:
        cells[Cell.TRAIN_BATCH_STATISTICS] = cells[Cell.TRAIN_MOVING]
    else:
        cells[Cell.TRAIN_BATCH_STATISTICS] = forward_pass(
            model, train, train.batches(), loss, in_batch_mode=True
        )
        small = train.batch_size < SMALLEST_BATCH_TO_ESTIMATE_FROM
        small = small and not fixed_batch(model)
        if small:
            batches = train.shuffled(train.batch_size)
            cells[Cell.TRAIN_SHUFFLED] = forward_pass(
                model, train, batches, loss, in_batch_mode=True
            )
        size = EVALUATION_BATCH if small else train.batch_size
        found = _in_batch_mode(model, train, size, loss)
        cells[Cell.TRAIN_BATCH_64 if small else Cell.TRAIN_SHUFFLED] = found
        estimated = found.statistics
        if validation is not None:
            on_validation = _in_batch_mode(model, validation, size).statistics
        with temporary_statistics(model, estimated):
            evaluate(Cell.TRAIN_RECALIBRATED)
            evaluate(Cell.VALIDATION_RECALIBRATED)
        if validation is not None:
            with temporary_statistics(model, on_validation):
                evaluate(Cell.VALIDATION_OWN_STATISTICS)
    losses = {cell: found.losses for cell, found in cells.items()}
    compiled = {}
    if judged is not None and judged is not loss:
        compiled = {cell: float(values.mean()) for cell, values in losses.items()}
        for cell, found in cells.items():
            split = splits[cell.split_name]
            losses[cell] = judged.of(split.y, found.outputs)  # type: ignore[union-attr]
    return LossMatrix(
        losses,
        {cell: found.outputs for cell, found in cells.items()},
        moving,
        estimated,
        on_validation,
        compiled,
        {cell: found.added for cell, found in cells.items() if found.added},
        (judged or loss).by_batch,
    )


def describe_added(matrix: LossMatrix) -> list[str]:
    """Say what the losses of a matrix leave out of those of `evaluate`.

    Args:
        matrix: The loss matrix.
    """
    sizes = [
        f"{matrix.added[cell]:.4g} ({split})"
        for cell, split in (
            (Cell.TRAIN_MOVING, "training"),
            (Cell.VALIDATION_MOVING, "validation"),
        )
        if cell in matrix.added
    ]
    what = "losses leave out what layers and regularizers add in evaluate"
    return [f"{what}: {' and '.join(sizes)}"] if sizes else []


def _in_batch_mode(model, samples: Samples, size: int, loss=None) -> Pass:
    """Run shuffled batches and measure the statistics of the norms' inputs."""
    batches = samples.shuffled(size)
    return forward_pass(model, samples, batches, loss, in_batch_mode=True, record=True)
