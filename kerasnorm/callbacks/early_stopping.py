"""Stops training when validation no longer improves, and restores the best weights."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.callbacks.order import Ordered

MODES = ("auto", "min", "max")


class EarlyStopping(Ordered, keras.callbacks.EarlyStopping):
    """Stop when the monitored value has not improved, and restore the best weights.

    A drop-in for Keras' callback: the same arguments in the same order, with the same
    meaning. It differs in five ways: the best weights are restored unless
    `restore_best_weights=False`; a monitored name that is not in the logs raises; NaN
    and infinity are never an improvement; a `mode` that does not exist raises; and it
    can tell at the end why and at which epoch training stopped. Its state can be saved
    by `Checkpoint`, so that a resumed training keeps its patience.

    Args:
        monitor: Logged value to follow. Defaults to `val_loss`.
        min_delta: Smallest change that counts as an improvement; its sign does not
            matter. Defaults to 0.
        patience: Epochs without improvement before training stops, 0 or more; 0 and 1
            mean the same. Epochs without validation (`validation_freq`) do not count.
        verbose: 1 to print what the callback does, 0 to be silent.
        mode: `min` if smaller is better, `max` if larger is better, `auto` for what
            the metric of that name says.
        baseline: Value that has to be improved on for patience to start again; None
            for none.
        restore_best_weights: Whether the model ends with its best weights, moving
            statistics included. Defaults to True (Keras: False).
        start_from_epoch: Epochs at the beginning that are not judged, 0 or more.

    Attributes:
        best: Best value so far; None before the first.
        best_epoch: Epoch of the best value, counted from 0 as Keras does.
        wait: Judged epochs since the best value.
        stopped_epoch: Epoch, counted from 0, at which patience ended; 0 if it did not.
        stopped_because: One sentence, filled in when training ends.

    Raises:
        ValueError: If an argument is out of range, and in `fit` if the monitored
            value is missing from the logs, `auto` cannot tell its direction, or
            `SwapEMAWeights` has other weights judged than would be restored.

    Example:
        >>> stopping = EarlyStopping(patience=5)
        >>> model.fit(train, validation_data=validation, callbacks=[stopping])
        >>> print(stopping.stopped_because)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        if mode not in MODES:
            raise ValueError(
                f"expected `mode` to be one of {', '.join(MODES)}, received {mode!r}"
            )
        if not patience >= 0:
            raise ValueError(f"expected `patience` 0 or more, received {patience!r}")
        super().__init__(
            monitor=monitor,
            min_delta=min_delta,
            patience=patience,
            verbose=verbose,
            mode=mode,
            baseline=baseline,
            restore_best_weights=restore_best_weights,
            start_from_epoch=start_from_epoch,
        )
        self.best: Any = None
        self.best_epoch = 0
        self.epochs_seen = 0
        self.stopped_because: str | None = None
        self._has_value = False
        self._was_validated = False
        self._resumed = False

    def check_others(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Refuse averaged weights in validation that are gone when the epoch ends."""
        for callback in callbacks:
            is_swap = isinstance(callback, keras.callbacks.SwapEMAWeights)
            if self.restore_best_weights and is_swap and not callback.swap_on_epoch:
                raise ValueError(
                    "expected SwapEMAWeights(swap_on_epoch=True) beside EarlyStopping "
                    "with restore_best_weights=True, received swap_on_epoch=False; "
                    "validation would judge the averaged weights, and those that are "
                    "not averaged would be restored"
                )

    @property
    def is_over(self) -> bool:
        """Whether patience is exhausted, also that of a resumed training."""
        has_just_improved = self.best_epoch == self.epochs_seen - 1
        waited_enough = self.wait >= max(self.patience, 1)
        return self.epochs_seen > 1 and waited_enough and not has_just_improved

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep for an exact resume.

        Returns:
            Plain numbers, and under `best_weights` the list of arrays or None.
        """
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "epochs_seen": self.epochs_seen,
            "wait": self.wait,
            "best_weights": self.best_weights,
            "_has_value": self._has_value,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state of an interrupted training; call it before `fit`.

        Args:
            state: What `get_state` returned.
        """
        for name, value in state.items():
            setattr(self, name, value)
        self._resumed = True

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Forget an earlier `fit`, unless a state has just been restored."""
        if not self._resumed:
            super().on_train_begin(logs)
            self.epochs_seen = 0
            self._has_value = False
        self.stopped_epoch = 0
        self._resumed = False
        self.stopped_because = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note that the epoch has not been validated yet."""
        self._was_validated = False

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Note that there was a validation."""
        self._was_validated = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Keep the weights if they are the best, stop if patience is exhausted."""
        self.epochs_seen = epoch + 1
        value = self.get_monitor_value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if np.isfinite(np.asarray(value)).all():
            super().on_epoch_end(epoch, logs)
            return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Restore the best weights, and fill in the reason."""
        if self.epochs_seen and not self._has_value:
            raise self._missing({})
        super().on_train_end(logs)
        if self.is_over:
            self.stopped_because = self._reason()
        elif self.model.stop_training:
            self.stopped_because = (
                f"another callback stopped the training after epoch {self.epochs_seen}"
            )
        else:
            self.stopped_because = f"all {self.epochs_seen} epochs were trained"

    def get_monitor_value(self, logs: Mapping[str, Any] | None) -> Any:
        """Return the monitored value; None in an epoch without validation.

        Args:
            logs: The epoch's logs by name.

        Raises:
            ValueError: If the value is missing although its epoch is complete.
        """
        logs = logs or {}
        if self.monitor in logs:
            self._has_value = True
            return logs[self.monitor]
        is_validated = self._was_validated or any(k.startswith("val_") for k in logs)
        if not self.monitor.startswith("val_") or is_validated:
            raise self._missing(logs)
        if not self._has_value and self.epochs_seen == 1:
            # Only `fit` knows whether a later epoch is validated.
            warnings.warn(f"{self._missing(logs)}", stacklevel=2)
        return None

    def _missing(self, logs: Mapping[str, Any]) -> ValueError:
        return ValueError(
            f"expected the monitored value {self.monitor!r} in the logs of the epoch, "
            f"received {', '.join(sorted(logs)) or 'no values'}; monitor one of "
            "these, or pass validation data to `fit`"
        )

    def _reason(self) -> str:
        if self.best is None:
            return (
                f"{self.monitor} was NaN or infinite in all {self.epochs_seen} epochs, "
                "so there are no best weights to restore"
            )
        # A metric with one value per class logs an array, here of one class.
        best = np.asarray(self.best).item()
        return (
            f"{self.monitor} has not improved on {best:.4g} of epoch "
            f"{self.best_epoch + 1} for {self.wait} epochs"
        )
