"""The loss matrix: the same frozen weights under every kind of statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.losses import LossOfSamples
from kerasnorm.doctor.samples import Samples, pick
from kerasnorm.doctor.statistics import (
    EVALUATION_BATCH,
    Statistics,
    batch_norms,
    evaluate,
    read_statistics,
    run_on_batch_statistics,
    write_statistics,
)

#: What each number of the matrix is.
CELLS: dict[str, str] = {
    "A": "training batches, batch statistics",
    "As": "training samples shuffled into new batches, batch statistics",
    "A64": "training samples in batches of 64, batch statistics",
    "B": "training samples, moving statistics",
    "B'": "training samples, statistics estimated anew on training inputs",
    "D": "validation samples, moving statistics: the validation loss as seen",
    "D'": "validation samples, statistics estimated anew on training inputs",
    "D''": "validation samples, statistics estimated anew on validation inputs",
}
# Statistics of smaller batches are too noisy to estimate others from: inside the
# network every norm normalizes with them.
SMALLEST_BATCH_TO_ESTIMATE_FROM = 32
# Losses of single samples are taken of this many at once.
AT_ONCE = 512


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
    """

    losses: Mapping[str, np.ndarray]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    moving: Statistics = field(default_factory=dict)
    estimated: Statistics = field(default_factory=dict)
    estimated_on_validation: Statistics = field(default_factory=dict)
    compiled: Mapping[str, float] = field(default_factory=dict)

    def mean(self, cell: str) -> float:
        """Return the mean loss of a cell, NaN where it was not measured."""
        return float(self.losses[cell].mean()) if cell in self.losses else float("nan")

    def means(self) -> dict[str, float]:
        """Return the mean compiled loss of every cell that was measured."""
        return {
            cell: self.compiled.get(cell, self.mean(cell))
            for cell in CELLS
            if cell in self.losses
        }


def loss_of(loss: LossOfSamples, samples: Samples, outputs: Any) -> np.ndarray:
    """Return the loss of every sample, in float64.

    Where the loss knows whole batches only, each sample gets that of its batch.
    """
    values = np.empty(samples.count)
    edges = range(AT_ONCE, samples.count, AT_ONCE)
    parts = np.split(np.arange(samples.count), edges)

    def measure(numbers: np.ndarray) -> np.ndarray:
        _, y, weights = samples.take(numbers)
        return loss.of(y, pick(outputs, numbers), weights)

    if measure(parts[0]).ndim == 0:
        parts = samples.batches()
    for numbers in parts:
        values[numbers] = measure(numbers)
    return values


def measure_losses(
    model: keras.Model,
    train: Samples,
    validation: Samples | None,
    loss: LossOfSamples,
) -> LossMatrix:
    """Measure the matrix at frozen weights, with dropout off.

    Args:
        model: A built model. Its moving statistics change while this runs: wrap the
            call in `state.preserved`.
        train: Training samples, in their batches.
        validation: Validation samples, or None: the cells D to D'' are then left out.
        loss: The loss of each sample.

    Returns:
        The matrix. Without a batch norm in training mode only B and D are there, and A,
        which then equals B.

    Example:
        >>> with state.preserved(model):
        ...     matrix = measure_losses(model, train, validation, loss)
        >>> matrix.mean("D") - matrix.mean("D'")
    """
    outputs = {"B": evaluate(model, train)}
    if validation is not None:
        outputs["D"] = evaluate(model, validation)
    norms = batch_norms(model)
    if not norms:
        outputs["A"] = outputs["B"]
        return LossMatrix(_losses(loss, train, validation, outputs), outputs)
    moving = read_statistics(norms)
    small = train.batch_size < SMALLEST_BATCH_TO_ESTIMATE_FROM
    outputs["A"], _ = run_on_batch_statistics(model, train, train.batches())
    if small:
        outputs["As"], _ = run_on_batch_statistics(
            model, train, train.shuffled(train.batch_size)
        )
    size = EVALUATION_BATCH if small else train.batch_size
    outputs["A64" if small else "As"], estimated = _in_batch_mode(model, train, size)
    on_validation: Statistics = {}
    if validation is not None:
        _, on_validation = _in_batch_mode(model, validation, size)
    try:
        write_statistics(norms, estimated)
        outputs["B'"] = evaluate(model, train)
        if validation is not None:
            outputs["D'"] = evaluate(model, validation)
            write_statistics(norms, on_validation)
            outputs["D''"] = evaluate(model, validation)
    finally:
        write_statistics(norms, moving)
    losses = _losses(loss, train, validation, outputs)
    return LossMatrix(losses, outputs, moving, estimated, on_validation)


def _in_batch_mode(model, samples: Samples, size: int) -> tuple[Any, Statistics]:
    """Run shuffled batches and measure the statistics of the norms' inputs."""
    return run_on_batch_statistics(model, samples, samples.shuffled(size), record=True)


def _losses(loss, train, validation, outputs) -> dict[str, np.ndarray]:
    return {
        cell: loss_of(loss, train if cell[0] in "AB" else validation, output)
        for cell, output in outputs.items()
    }


def compiled_means(
    compiled: LossOfSamples,
    train: Samples,
    validation: Samples | None,
    outputs: Mapping[str, Any],
) -> dict[str, float]:
    """Return the mean of the compiled loss in every cell whose outputs are known."""
    losses = _losses(compiled, train, validation, outputs)
    return {cell: float(values.mean()) for cell, values in losses.items()}


def added_loss(model: keras.Model) -> float:
    """Return what weight regularizers add to every loss that Keras reports."""
    penalties = [
        variable.regularizer(variable)
        for variable in model.trainable_variables
        if getattr(variable, "regularizer", None) is not None
    ]
    return float(sum(float(ops.convert_to_numpy(value)) for value in penalties))
