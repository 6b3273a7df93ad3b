"""Tells the chief and the supervisor how far a trial has come."""

import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

from ..plan import write_json

BEAT_SECONDS = 1.0


class Beat:
    """A file that changes as long as a worker makes progress.

    It is not written by a thread of its own: one of a hanging worker would still write.

    Args:
        file: The file.
        worker: Id of the worker.
    """

    def __init__(self, file: pathlib.Path, worker: str) -> None:
        self.file = file
        self.worker = worker
        self.trial: str | None = None
        self.place = ""
        self._count = 0
        self._last = 0.0

    def __call__(self, place: str | None = None, *, now: bool = False) -> None:
        """Write the file, unless that was done a moment ago.

        Args:
            place: Where the trial stands, such as its epoch.
            now: Whether to write in any case.
        """
        self._count += 1
        self.place = self.place if place is None else place
        if now or time.monotonic() - self._last >= BEAT_SECONDS:
            self._last = time.monotonic()
            write_json(
                self.file,
                {
                    "worker": self.worker,
                    "trial": self.trial,
                    "place": self.place,
                    "beat": self._count,
                    "time": time.time(),
                },
            )


class Reporter(keras.callbacks.Callback):
    """Report every epoch to the chief, and end the trial if the chief says so.

    Args:
        beat: Shows progress to the supervisor.
        report: Called with the epoch, counted from 1, and the figures; returns why
            the trial should end, or None.
    """

    def __init__(
        self, beat: Beat, report: Callable[[int, Mapping[str, float]], str | None]
    ) -> None:
        super().__init__()
        self.beat = beat
        self.report = report
        self.stopped_because: str | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show progress."""
        self.beat()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Show progress."""
        self.beat()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report, and end the trial if that is the answer."""
        self.beat(f"epoch {epoch + 1}")
        self.stopped_because = self.report(epoch + 1, logs or {})
        if self.stopped_because is not None:
            self.model.stop_training = True
