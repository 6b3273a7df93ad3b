"""Reads what the curves of a training tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Curves:
    """Losses over epochs.

    Args:
        epochs: Number of epochs.
        best_epoch: Epoch of the lowest validation loss, from 1; None without one.
        rise: How far the validation loss of the last epochs lies above its lowest.
        jumps: Fraction of epochs whose training loss rose, after the first.
        lowest: Lowest validation loss of all epochs, NaN without one.
        losses: Training loss of each epoch.
        validation: Validation loss of each epoch, empty without.
    """

    epochs: int
    best_epoch: int | None
    rise: float
    jumps: float
    lowest: float = float("nan")
    losses: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()


def read_history(history: Any) -> Curves | None:
    """Read a `History` object or its dictionary of lists.

    Args:
        history: What `fit` returned, its `history`, or None.

    Returns:
        The curves, None where there are none.
    """
    curves = getattr(history, "history", history)
    if not isinstance(curves, Mapping) or not len(curves.get("loss", ())):
        return None
    losses = np.asarray(curves["loss"], "float64")
    jumps = float((np.diff(losses) > 0).mean()) if len(losses) > 1 else 0.0
    validation = np.asarray(curves.get("val_loss", ()), "float64")
    kept = tuple(map(float, losses)), tuple(map(float, validation))
    if not np.isfinite(validation).any():
        return Curves(len(losses), None, 0.0, jumps, float("nan"), *kept)
    best = int(np.nanargmin(validation))
    rise = float(np.nanmean(validation[-3:]) - validation[best])
    return Curves(len(losses), best + 1, rise, jumps, float(validation[best]), *kept)
