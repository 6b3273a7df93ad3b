"""Notices a loss or weights that are no longer finite numbers."""

import math
from collections.abc import Mapping

import keras
import numpy as np

from kerasnorm.inspection.first_non_finite import is_finite


class NonFinite(ArithmeticError):
    """NaN or infinity has appeared in training.

    Args:
        where: `the loss`, or the path of a variable.
        epoch: Epoch, counted from 0.
        batch: Batch of `fit` in the epoch, counted from 0.
    """

    def __init__(self, where: str, epoch: int, batch: int) -> None:
        super().__init__(
            f"{where} was NaN or infinite in epoch {epoch + 1} at batch {batch + 1}"
        )
        self.where = where
        self.epoch = epoch
        self.batch = batch


class FiniteGuard(keras.callbacks.Callback):
    """End `fit` with `NonFinite` at the batch that corrupts the loss.

    Keras' `TerminateOnNaN` stops too late: after the checkpoint of corrupted weights.
    Put this one first, and give `check_weights` to `Checkpoint` as `before_save`, so
    that every checkpoint is a good one. The loss is looked at after every batch, the
    weights and moving statistics before every checkpoint, because that takes time.
    Weights that were not finite from the beginning are left out.

    Args:
        every_weight: Look at the weights after every batch, too, and keep those from
            before the batch. Defaults to false.

    Attributes:
        before: With `every_weight`, values of `model.variables` before the last
            batch; None before the first.

    Raises:
        NonFinite: In `fit`.

    Example:
        >>> guard = FiniteGuard()
        >>> checkpoint = Checkpoint("run/checkpoint", before_save=guard.check_weights)
        >>> model.fit(train, callbacks=[guard, checkpoint])
    """

    def __init__(self, every_weight: bool = False) -> None:
        super().__init__()
        self.every_weight = every_weight
        self.before: list[np.ndarray] | None = None
        self._watched: list[int] | None = None
        self._epoch = 0
        self._batch = 0

    def check_weights(self) -> None:
        """Look at all weights and moving statistics now.

        Raises:
            NonFinite: If one of them has become NaN or infinite.
        """
        variables = self.model.variables
        for index in self._watched if self._watched is not None else self._finite():
            if not is_finite(variables[index]):
                where = f"the weight {variables[index].path}"
                raise NonFinite(where, self._epoch, self._batch)

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Note which weights are finite."""
        self._watched = self._finite()

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Note the epoch."""
        self._epoch, self._batch = epoch, 0

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Keep the weights, if they are watched at every batch."""
        if self.every_weight:
            self.before = [
                np.array(keras.ops.convert_to_numpy(v)) for v in self.model.variables
            ]

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Look at the loss."""
        self._batch = batch
        # A mean over the epoch, which NaN and infinity never leave again.
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise NonFinite("the loss", self._epoch, batch)
        if self.every_weight:
            self.check_weights()

    def _finite(self) -> list[int]:
        return [i for i, v in enumerate(self.model.variables) if is_finite(v)]
