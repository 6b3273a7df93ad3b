"""Adds the learning rate to the logs of each epoch."""

from collections.abc import MutableMapping

from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.inspection.learning_rates import learning_rates


class LearningRateLog(Ordered):
    """Write `learning_rate` into the epoch's logs, where other callbacks find it.

    Keras' callbacks that read the logs run behind it. The value is that of the epoch's
    last step, also under a schedule or a wrapped optimizer. The optimizers in Keras'
    `MultiOptimizer` get one value each, such as `learning_rate/adam`.

    Example:
        >>> model.fit(train, callbacks=[LearningRateLog(), CSVLogger("history.csv")])
    """

    PLACE = Place.ADDS_LOGS

    def on_epoch_end(
        self, epoch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Add the current learning rate."""
        if logs is not None:
            logs.update(learning_rates(self.model.optimizer))
