"""Labels and outputs side by side, one pair for each output of a model."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.sampling.ragged import is_ragged, join_rows


@dataclass(frozen=True)
class Head:
    """Labels and outputs of one head.

    Samples of differing shape are taken apart into their places: each place is a row.

    Args:
        y: Labels of (samples, ...).
        outputs: Outputs of (samples, ...).
        mask: What counts, (samples, ...), None for everything.
        shapes: Shape of each sample of the outputs where they differ.
    """

    y: np.ndarray
    outputs: np.ndarray
    mask: np.ndarray | None = None
    shapes: tuple[tuple[int, ...], ...] | None = None

    def restored(self, outputs: np.ndarray) -> np.ndarray:
        """Return outputs of the form of `outputs` as the model gives them.

        Args:
            outputs: Outputs of every sample, or of every place.
        """
        if self.shapes is None:
            return outputs
        edges = np.cumsum([int(np.prod(shape[:-1])) for shape in self.shapes])[:-1]
        rows = np.split(outputs, edges)
        return join_rows(
            [
                row.reshape(1, *shape)
                for row, shape in zip(rows, self.shapes, strict=True)
            ]
        )


def heads_of(y: Any, outputs: Any, masks: list | None = None) -> list[Head]:
    """Return the heads of a model, none where labels are no numbers for its outputs.

    Args:
        y: Labels, a nest or None.
        outputs: Outputs, a nest.
        masks: Mask of each output, or None.
    """
    labels, arrays = (keras.tree.flatten(nest) for nest in (y, outputs))
    if y is None or len(labels) != len(arrays):
        return []
    heads = [
        _head(*parts)
        for parts in zip(labels, arrays, masks or [None] * len(arrays), strict=True)
    ]
    numeric = all(
        head is not None
        and head.y.dtype.kind in "fiub"
        and head.outputs.dtype != object
        for head in heads
    )
    return [head for head in heads if head is not None] if numeric else []


def _head(y: Any, outputs: Any, mask: Any) -> Head | None:
    if not is_ragged(outputs) and not is_ragged(y):
        return Head(y, outputs, mask)
    if not (is_ragged(outputs) and is_ragged(y)) or outputs[0].ndim < 2:
        return None
    if any(a.shape[:1] != b.shape[:1] for a, b in zip(y, outputs, strict=True)):
        return None
    columns = y[0].shape[-1:] if y[0].ndim == outputs[0].ndim else ()
    return Head(
        np.concatenate([row.reshape(-1, *columns) for row in y]),
        np.concatenate([row.reshape(-1, row.shape[-1]) for row in outputs]),
        None if mask is None else np.concatenate([row.reshape(-1) for row in mask]),
        tuple(row.shape for row in outputs),
    )
