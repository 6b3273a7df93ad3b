"""Ends training after a given time, at the end of the epoch."""

import time
from collections.abc import Mapping

import keras


class TimeLimit(keras.callbacks.Callback):
    """Stop after the epoch in which the time is over.

    It also stops where the next epoch, taken as long as the longest so far, would
    overrun the limit by more than half, so that a limit is kept on average.

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
        self._started = 0.0
        self._epoch_started = 0.0
        self._longest_epoch = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock."""
        self._started = time.monotonic() - self.spent_seconds
        self.stopped_because = None

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Note when the epoch began."""
        self._epoch_started = time.monotonic()

    def on_epoch_end(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Stop if the next epoch would end too far beyond the limit."""
        now = time.monotonic()
        self._longest_epoch = max(self._longest_epoch, now - self._epoch_started)
        if now - self._started + self._longest_epoch / 2 >= self.minutes * 60:
            self.model.stop_training = True
            self.stopped_because = (
                f"the time limit of {self.minutes:g} minutes was reached "
                f"after epoch {epoch + 1}"
            )
