"""Follows a learning-rate schedule by steps or by the clock, whichever is further."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from kerasnorm.inspection.learning_rates import check_one_rate
from kerasnorm.inspection.temporary_learning_rate import innermost


class TimeAwareSchedule(keras.callbacks.Callback):
    """Let a schedule end in time, however fast the machine is.

    A schedule that counts steps alone is cut off by a time limit with its learning
    rate still high, which costs accuracy. This one looks at the clock, too: before
    each batch it takes the schedule's value at the fraction of the steps or of
    the time that has passed, whichever is larger. Where the time suffices for all
    steps it is the plain schedule. The optimizer must have a learning rate that can be
    set, not a schedule of its own.

    Args:
        schedule: The schedule, a function of the step.
        total_steps: Its length, 1 or more.
        time_share: Says which fraction of the allowed time has passed, from 0.

    Raises:
        ValueError: In `fit`, if the optimizer is a `MultiOptimizer`.

    Example:
        >>> limit = TimeLimit(minutes=12)
        >>> schedule = WarmupCosine(1e-3, total_steps=5000)
        >>> paced = TimeAwareSchedule(schedule, 5000, lambda: limit.share)
        >>> model.fit(train, epochs=50, callbacks=[limit, paced])
    """

    def __init__(
        self,
        schedule: Callable[[Any], Any],
        total_steps: int,
        time_share: Callable[[], float],
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.total_steps = total_steps
        self.time_share = time_share

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Refuse an optimizer whose learning rate cannot be set."""
        check_one_rate(self.model.optimizer, "TimeAwareSchedule")

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Set the learning rate of the batch."""
        optimizer = self.model.optimizer
        # Keras counts updates; a schedule's step is a batch.
        batches = innermost(optimizer).gradient_accumulation_steps or 1
        step = batches * int(keras.ops.convert_to_numpy(optimizer.iterations))
        due = max(float(step), min(self.time_share(), 1.0) * self.total_steps)
        optimizer.learning_rate = float(keras.ops.convert_to_numpy(self.schedule(due)))
