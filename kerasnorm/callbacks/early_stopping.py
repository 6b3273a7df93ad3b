"""Stops training when validation no longer improves, and brings the best back."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasnorm.callbacks.monitor import Monitor


class EarlyStopping(keras.callbacks.Callback):
    """Stop when the validation loss has not improved, and restore the best weights.

    It differs from Keras' own callback in four ways: a monitored name that is not in
    the logs raises at the first epoch; NaN and infinity are never an improvement; the
    best weights always come back, moving statistics of norms included; and it can
    tell at the end why and at which epoch training stopped. Validation sees the
    weights as they are at the end of the epoch, and these are what is kept.

    Args:
        monitor: Logged value to follow. Defaults to `val_loss`.
        mode: `min` if smaller is better, `max` if larger is better.
        patience: Epochs without improvement before training stops, 1 or more.
        min_delta: Smallest change that counts as an improvement, 0 or more.
        restore_best_weights: Whether the model ends with its best weights.

    Attributes:
        best_epoch: Epoch of the best value, counted from 1; None before the first.
        stopped_because: One sentence, filled in when training ends.

    Raises:
        ValueError: If an argument is out of range, and in `fit` if the monitored
            value is missing from the logs.

    Example:
        >>> stopping = EarlyStopping(patience=5)
        >>> model.fit(train, validation_data=validation, callbacks=[stopping])
        >>> print(stopping.stopped_because)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "min",
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best_weights: bool = True,
    ) -> None:
        super().__init__()
        if patience < 1:
            raise ValueError(f"expected `patience` 1 or more, received {patience!r}")
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = patience
        self.restore_best_weights = restore_best_weights
        self.best_epoch: int | None = None
        self.epochs_seen = 0
        self.waited = 0
        self.stopped_because: str | None = None
        self._best_weights: list[np.ndarray] | None = None
        self._resumed = False

    @property
    def best(self) -> float | None:
        """Best value of the monitored quantity so far; None before the first."""
        return self.monitor.best

    @property
    def is_over(self) -> bool:
        """Whether patience is exhausted, also of a training taken up again."""
        return self.waited >= self.patience

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint must keep for training to go on as if unbroken.

        Returns:
            Plain numbers, and under `best_weights` the list of arrays or None.
        """
        return {
            "best": self.monitor.best,
            "best_epoch": self.best_epoch,
            "epochs_seen": self.epochs_seen,
            "waited": self.waited,
            "best_weights": self._best_weights,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over the state of an interrupted training; call it before `fit`.

        Args:
            state: What `get_state` returned.
        """
        self.monitor.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.epochs_seen = state["epochs_seen"]
        self.waited = state["waited"]
        self._best_weights = state["best_weights"]
        self._resumed = True

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Forget an earlier `fit`, unless its state has just been restored."""
        if not self._resumed:
            self.set_state(
                dict.fromkeys(("best", "best_epoch", "best_weights"))
                | {
                    "epochs_seen": 0,
                    "waited": 0,
                }
            )
        self._resumed = False
        self.stopped_because = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Keep the weights if they are the best, stop if patience is exhausted."""
        value = self.monitor.read(logs)
        self.epochs_seen = epoch + 1
        if self.monitor.is_better(value):
            self.monitor.best = value
            self.best_epoch = epoch + 1
            self.waited = 0
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            return
        self.waited += 1
        if self.is_over:
            self.model.stop_training = True

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Bring the best weights back and settle the reason."""
        self.stopped_because = (
            self._reason()
            if self.is_over
            else f"all {self.epochs_seen} epochs were trained"
        )
        if self.restore_best_weights and self._best_weights is not None:
            self.model.set_weights(self._best_weights)

    def _reason(self) -> str:
        name = self.monitor.name
        if self.best_epoch is None:
            return (
                f"{name} was never a finite number in {self.epochs_seen} epochs, so "
                "there are no best weights to restore"
            )
        return (
            f"{name} has not improved on {self.monitor.best:.4g} of epoch "
            f"{self.best_epoch} for {self.waited} epochs"
        )
