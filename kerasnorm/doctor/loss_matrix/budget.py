"""Splits the gap between training and validation loss into parts that add up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasnorm.doctor.cells import Cell
from kerasnorm.doctor.loss_matrix.bootstrap import (
    blocks_of,
    draws_of_mean,
    interval,
    widening,
)
from kerasnorm.doctor.loss_matrix.matrix import LossMatrix
from kerasnorm.doctor.report.page import render_budget
from kerasnorm.doctor.sampling.samples import Samples


@dataclass(frozen=True, repr=False)
class GapBudget(Mapping[str, float]):
    """Mapping from the name of each part to its loss; the values sum to `gap`.

    Args:
        parts: Value of each part, in the unit of the loss.
        intervals: 95% bootstrap interval of each part, and of `"gap"`.
        training_loss: Loss as the model was optimized (A).
        validation_loss: Validation loss as seen (D).
    """

    parts: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    training_loss: float
    validation_loss: float

    @property
    def gap(self) -> float:
        """Validation loss as seen minus training loss as optimized."""
        return sum(self.parts.values())

    def __getitem__(self, name: str) -> float:
        return self.parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __repr__(self) -> str:
        rows = [("training loss", f"{self.training_loss:.4f}", "")]
        for name, value in self.items():
            low, high = self.intervals[name]
            rows.append((name, f"{value:+.4f}", f"  {low:+.4f} .. {high:+.4f}"))
        rows.append(("validation loss", f"{self.validation_loss:.4f}", ""))
        return "\n".join(f"{name:<18}{loss:>9}{around}" for name, loss, around in rows)

    def _repr_html_(self) -> str:
        return render_budget(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the budget as JSON values; what is not a number becomes None."""
        return {
            "training_loss": _number(self.training_loss),
            "validation_loss": _number(self.validation_loss),
            "gap": _number(self.gap),
            "parts": {name: _number(value) for name, value in self.parts.items()},
            "intervals": {
                name: [_number(low), _number(high)]
                for name, (low, high) in self.intervals.items()
            },
        }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


class PairedDraws:
    """Bootstrap draws of the cells' means, paired where cells share their samples.

    Single samples are drawn where a loss depends on its own sample only; whole batches
    where norms or the loss mix the samples of one. Cells of the same split share their
    draws, so that differences between them are paired.

    Args:
        matrix: The loss matrix.
        train: The training samples it was measured on.
        validation: The validation samples, or None.
    """

    def __init__(
        self, matrix: LossMatrix, train: Samples, validation: Samples | None
    ) -> None:
        self.matrix = matrix
        self.batches = {
            "train": train.batches(),
            "validation": validation.batches() if validation else [],
        }

    def difference(self, first: Cell, second: Cell) -> tuple[float, float, float]:
        """Return the mean difference of two cells and its 95% interval."""
        value = self.matrix.mean(first) - self.matrix.mean(second)
        blocks = self._blocks(first, second)
        fewest = min(len(drawn) for drawn in blocks.values())
        if fewest < 2:
            return value, float("-inf"), float("inf")
        means = [
            draws_of_mean(
                self.matrix.losses[cell], blocks[split], 1 + (split == "validation")
            )
            for cell, split in ((c, Cell(c).split_name) for c in (first, second))
        ]
        low, high = interval(means[0] - means[1])
        wider = widening(fewest)
        return value, value - wider * (value - low), value + wider * (high - value)

    def ratio(
        self, cell: Cell, part: np.ndarray, whole: np.ndarray
    ) -> tuple[float, float, float]:
        """Return the mean of one number divided by that of another, with 95% interval.

        Args:
            cell: Cell whose samples they belong to.
            part: One number for each sample, (samples,).
            whole: Numbers to divide by, likewise.
        """
        (blocks,) = self._blocks(cell).values()
        value = float(part.mean() / whole.mean())
        if len(blocks) < 2:
            return value, float("-inf"), float("inf")
        low, high = interval(draws_of_mean(part, blocks) / draws_of_mean(whole, blocks))
        wider = widening(len(blocks))
        return value, value - wider * (value - low), value + wider * (high - value)

    def _blocks(self, *cells: Cell) -> dict[str, list[np.ndarray]]:
        """Return the samples that are drawn together, for the splits of these cells."""
        blocks = {}
        for split in {Cell(cell).split_name for cell in cells}:
            batches = self.batches[split]
            own = [cell for cell in cells if Cell(cell).split_name == split]
            if self.matrix.by_batch:
                # Parts of a batch would carry the same loss again.
                blocks[split] = batches
            elif any(Cell(cell).in_batch_mode for cell in own):
                blocks[split] = blocks_of(batches)
            else:
                blocks[split] = list(
                    np.arange(sum(len(batch) for batch in batches))[:, None]
                )
        return blocks


def split_gap(
    matrix: LossMatrix, train: Samples, validation: Samples | None
) -> GapBudget | None:
    """Split D - A into parts, each with a paired bootstrap interval.

    Args:
        matrix: The loss matrix.
        train: The training samples it was measured on.
        validation: The validation samples.

    Returns:
        The budget; only its generalization part where no norm depends on the batch;
        None without validation losses.
    """
    if Cell.VALIDATION_MOVING not in matrix.losses or validation is None:
        return None
    draws = PairedDraws(matrix, train, validation)
    if Cell.VALIDATION_RECALIBRATED in matrix.losses:
        pairs = {
            "batch_noise": (Cell.TRAIN_RECALIBRATED, Cell.TRAIN_BATCH_STATISTICS),
            "generalization": (Cell.VALIDATION_OWN_STATISTICS, Cell.TRAIN_RECALIBRATED),
            "input_shift": (
                Cell.VALIDATION_RECALIBRATED,
                Cell.VALIDATION_OWN_STATISTICS,
            ),
            "stale_statistics": (Cell.VALIDATION_MOVING, Cell.VALIDATION_RECALIBRATED),
        }
    else:
        pairs = {"generalization": (Cell.VALIDATION_MOVING, Cell.TRAIN_MOVING)}
    measured = {name: draws.difference(*pair) for name, pair in pairs.items()}
    intervals = {name: (low, high) for name, (_, low, high) in measured.items()}
    intervals["gap"] = draws.difference(
        Cell.VALIDATION_MOVING, Cell.TRAIN_BATCH_STATISTICS
    )[1:]
    return GapBudget(
        {name: value for name, (value, _, _) in measured.items()},
        intervals,
        matrix.mean(Cell.TRAIN_BATCH_STATISTICS),
        matrix.mean(Cell.VALIDATION_MOVING),
    )
