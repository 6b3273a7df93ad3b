"""Keeps `history.csv` up to date while training continues."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasnorm.training.record.run_directory import RunDirectory


class HistoryFile(keras.callbacks.Callback):
    """Write the history after every epoch, so that a killed run has its figures.

    Args:
        directory: The run directory.
        rows: Rows of the epochs before an interruption.

    Attributes:
        rows: One dict per epoch; `epoch` counts from 1.
    """

    def __init__(
        self, directory: RunDirectory, rows: Sequence[dict[str, float]] = ()
    ) -> None:
        super().__init__()
        self.directory = directory
        self.rows = list(rows)

    def get_state(self) -> dict[str, Any]:
        """Return the rows so far, for a checkpoint."""
        return {"rows": list(self.rows)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over the rows of an interrupted training.

        Args:
            state: What `get_state` returned.
        """
        self.rows = list(state["rows"])

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add the epoch and write the file."""
        values = {name: float(value) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch + 1, **values})
        self.directory.write_history(self.rows)
