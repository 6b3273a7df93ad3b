"""Ends training after a given time, at the end of an epoch wherever that is near."""

import time
from collections.abc import Mapping
from typing import Any

from kerasnorm.callbacks.order import Ordered


class TimeLimit(Ordered):
    """Stop after the epoch whose end is nearest to the limit.

    An epoch is not begun if, taken as long as the longest so far, it would overrun
    the limit by more than half, so that a limit is kept on average. An epoch that
    turns out longer, or the first one, which has no measure, does not continue for
    ever: `is_overrun` says so in its midst. The callback itself never leaves an epoch
    before its end; `kerasnorm.training` does, after a checkpoint.

    Args:
        minutes: Training time allowed, above 0. Time spent before an interruption
            counts if it is given as `spent_seconds`.
        spent_seconds: Seconds already used by an interrupted training.

    Attributes:
        stopped_because: One sentence if the limit ended training, else None.

    Raises:
        ValueError: If `minutes` is not above 0.

    Example:
        >>> model.fit(train, epochs=1000, callbacks=[TimeLimit(minutes=12)])
    """

    def __init__(self, minutes: float, spent_seconds: float = 0.0) -> None:
        super().__init__()
        if not minutes > 0:
            raise ValueError(f"expected `minutes` above 0, received {minutes!r}")
        self.minutes = minutes
        self.spent_seconds = spent_seconds
        self.stopped_because: str | None = None
        self._started: float | None = None
        self._epoch_started = 0.0
        self._longest_epoch = 0.0
        self._expected: float | None = None
        self._epochs = 0

    @property
    def is_over(self) -> bool:
        """Whether the next epoch would end too far beyond the limit."""
        return self._spent() + self._longest_epoch / 2 >= self.minutes * 60

    @property
    def is_overrun(self) -> bool:
        """Whether even the epoch in progress has gone too far beyond the limit."""
        return self._spent() - self._longest_epoch / 2 >= self.minutes * 60

    @property
    def share(self) -> float:
        """Fraction of the limit that has passed, from 0; above 1 beyond it."""
        return self._spent() / (self.minutes * 60)

    def expect(self, seconds: float) -> None:
        """Say how long the next epoch takes, where this one is no measure of it.

        Args:
            seconds: An estimate; it counts instead of what this epoch takes.
        """
        self._expected = seconds

    def get_state(self) -> dict[str, Any]:
        """Return the time spent, for a checkpoint."""
        return {
            "spent_seconds": self._spent(),
            "longest_epoch": self._longest_epoch,
            "epochs": self._epochs,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Count the time of an interrupted training; call it before `fit`.

        Args:
            state: What `get_state` returned.
        """
        self.spent_seconds = state["spent_seconds"]
        self._longest_epoch = state["longest_epoch"]
        self._epochs = state["epochs"]

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.monotonic()
        self.stopped_because = None

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Note when the epoch began."""
        self._epoch_started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Stop if the next epoch would end too far beyond the limit."""
        duration = time.monotonic() - self._epoch_started
        if self._expected is not None:
            duration, self._expected = self._expected, None
        self._longest_epoch = max(self._longest_epoch, duration)
        self._epochs = epoch + 1
        if self.is_over:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Settle the reason and stop the clock."""
        if self.is_over:
            self.stopped_because = (
                f"the time limit of {self.minutes:g} minutes was reached after epoch "
                f"{self._epochs}"
            )
        self.spent_seconds, self._started = self._spent(), None

    def _spent(self) -> float:
        running = 0.0 if self._started is None else time.monotonic() - self._started
        return self.spent_seconds + running
