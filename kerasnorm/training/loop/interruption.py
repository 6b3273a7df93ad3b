"""Ends a run gracefully: after the batch, with a checkpoint, and a way to continue."""

import shlex
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

import keras

from kerasnorm import callbacks
from kerasnorm.programs import command_of
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings

HANDLED = (signal.SIGINT, signal.SIGTERM)
# What a shell reports for a program that a signal has ended.
STATUS_OF_SIGNAL = 128


class Interrupted(SystemExit):
    """A signal has ended the run; everything is kept.

    It leaves a program with exit status 130 (SIGINT) or 143 (SIGTERM), as if the
    signal had ended it, unless somebody catches it.

    Args:
        number: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(STATUS_OF_SIGNAL + number)
        self.signal_name = signal.Signals(number).name


class TrainingStopped(Exception):
    """Training was left between two batches, after a checkpoint.

    Args:
        reason: Why, as part of a sentence.
        position: How far it had come.
    """

    def __init__(self, reason: str, position: callbacks.TrainingPosition) -> None:
        super().__init__(reason)
        self.reason = reason
        self.position = position


class Signals:
    """Takes SIGINT and SIGTERM while a run lasts.

    Outside of training a signal raises `Interrupted` at once: there is nothing to
    finish. In training, where `defer_signals` is true, it is only noted, and the batch
    continues. In any case a second SIGINT ends the program at once. Use it as a context
    manager. Outside of the main thread, where Python allows no handlers, it does
    nothing.

    Attributes:
        received: The signal that has been noted; None for none.
        defer_signals: Whether signals are noted instead of raised.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.defer_signals = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            self._before = {n: signal.signal(n, self._take) for n in HANDLED}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        # Without Python in between: it would only act when the batch is over.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.received = number
        if not self.defer_signals:
            raise Interrupted(number)


class StopBetweenBatches(keras.callbacks.Callback):
    """Saves a checkpoint and leaves `fit` as soon as there is a reason to.

    Args:
        checkpoint: What saves.
        reasons: Functions that return why to leave, or None to continue.

    Raises:
        TrainingStopped: In `fit`, between two batches.
    """

    def __init__(
        self,
        checkpoint: callbacks.Checkpoint,
        reasons: Sequence[Callable[[], str | None]],
    ) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.reasons = reasons

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Leave, if there is a reason."""
        self._leave_if_asked()

    def on_test_batch_end(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Leave validation; the last batch before it will be trained again."""
        self._leave_if_asked()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Leave, if there is a reason."""
        self._leave_if_asked()

    def _leave_if_asked(self) -> None:
        for reason in self.reasons:
            why = reason()
            if why is not None:
                self.checkpoint.save()
                raise TrainingStopped(why, self.checkpoint.position)


def resume_command(directory: RunDirectory, settings: Settings) -> str:
    """Return the command that continues with a run, to be copied into a shell.

    Args:
        directory: The run directory.
        settings: The run's settings.
    """
    folder = shlex.quote(str(directory.path))
    return f"{command_of(f'apps.{settings.app}')} --resume {folder}"
