"""Adds the learning rate to the logs of each epoch."""

from collections.abc import MutableMapping

import keras


class LearningRateLog(keras.callbacks.Callback):
    """Write `learning_rate` into the epoch's logs, where other callbacks find it.

    Put it before the callbacks that write the logs to files. The value is that of the
    epoch's last step, also under a schedule or a wrapped optimizer.

    Example:
        >>> model.fit(train, callbacks=[LearningRateLog(), CSVLogger("history.csv")])
    """

    def on_epoch_end(
        self, epoch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Add the current learning rate."""
        if logs is not None:
            rate = self.model.optimizer.learning_rate
            logs["learning_rate"] = float(keras.ops.convert_to_numpy(rate))
