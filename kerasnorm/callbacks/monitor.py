"""Reads one value from an epoch's logs and says whether it is the best so far."""

import math
from collections.abc import Mapping

MODES = ("min", "max")


class Monitor:
    """Follow one logged value; a missing value is an error, NaN is never better.

    Keras warns when the monitored name is absent and trains on for ever; this raises
    at the first epoch, so that a typing mistake costs seconds instead of a night.

    Args:
        name: Key in the logs, such as `val_loss`.
        mode: `min` if smaller is better, `max` if larger is better.
        min_delta: Smallest change that counts as better, 0 or more, in the unit of
            the monitored value.

    Raises:
        ValueError: If the mode is unknown or `min_delta` is negative.

    Example:
        >>> monitor = Monitor("val_loss")
        >>> monitor.is_better(0.7), monitor.is_better(float("nan"))
        (True, False)
    """

    def __init__(self, name: str, mode: str = "min", min_delta: float = 0.0) -> None:
        if mode not in MODES:
            raise ValueError(
                f"expected `mode` to be one of {', '.join(MODES)}, received {mode!r}"
            )
        if not min_delta >= 0:
            raise ValueError(f"expected `min_delta` 0 or more, received {min_delta!r}")
        self.name = name
        self.mode = mode
        self.min_delta = min_delta
        self.best: float | None = None

    def read(self, logs: Mapping[str, float] | None) -> float:
        """Return the monitored value of one epoch.

        Args:
            logs: The epoch's logs by name.

        Raises:
            ValueError: If the value is not among the logs; lists those that are.
        """
        logs = logs or {}
        if self.name not in logs:
            raise ValueError(
                f"expected the monitored value {self.name!r} in the logs of the epoch, "
                f"received {', '.join(sorted(logs)) or 'no values'}; monitor one of "
                "these, or pass validation data to `fit`"
            )
        return float(logs[self.name])

    def is_better(self, value: float) -> bool:
        """Say whether a value beats the best one so far; NaN and infinity never do.

        Args:
            value: The epoch's value.
        """
        if not math.isfinite(value):
            return False
        if self.best is None:
            return True
        if self.mode == "min":
            return value < self.best - self.min_delta
        return value > self.best + self.min_delta
