"""Recalibrates batch norms while `fit` runs."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras

from kerasnorm.callbacks.held_data import HeldData
from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.inspection import norm_variables
from kerasnorm.inspection.moving_statistics import (
    find_batch_norms,
    recalibrate_batch_norm,
)

MOMENTS = ("validation", "end")


class RecalibrateBatchNorm(HeldData, Ordered):
    """Recalibrate batch norms before each validation, or at the end of training.

    Validation, early stopping and checkpoints then judge today's weights and not the
    lag of their statistics. Training itself does not feel it: in training, batch
    norms use the statistics of the batch.

    Wherever it stands in the list of callbacks, it runs behind `SwapEMAWeights` and
    `EarlyStopping`, so that it measures the averaged and the restored weights; put it
    behind callbacks of your own that change weights. At the end of training, Keras
    has already written the averages of `use_ema=True` into the model. Where averages
    are in the model during validation only, so are their statistics.

    Args:
        batches: As for `recalibrate_batch_norm`; iterated again each time, so not a
            generator that can be used up.
        samples: Samples to see each time, default 4096; None for all.
        when: `"validation"` (default) before each validation, and at the end of a
            training that had none; `"end"` only at the end of training.

    Raises:
        ValueError: If `when` is unknown.

    Example:
        >>> model.fit(train, validation_data=validation,
        ...           callbacks=[RecalibrateBatchNorm(train, samples=1024)])
    """

    DATA = ("batches",)
    PLACE = Place.RECALIBRATES

    def __init__(
        self,
        batches: Iterable,
        samples: int | None = 4096,
        when: str = "validation",
    ) -> None:
        super().__init__()
        if when not in MOMENTS:
            raise ValueError(
                f"Expected `when` to be one of {', '.join(MOMENTS)}. "
                f"Received: when={when!r}."
            )
        self.batches = batches
        self.samples = samples
        self.when = when
        self._has_run = False
        self._swaps_back = False
        self._of_trained_weights: dict[Any, Any] | None = None

    def check_others(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Note whether validation sees weights that are gone when it ends."""
        self._swaps_back = any(
            isinstance(callback, keras.callbacks.SwapEMAWeights)
            and not callback.swap_on_epoch
            for callback in callbacks
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget earlier trainings."""
        self._has_run = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Recalibrate before a validation."""
        if self.when != "validation":
            return
        if self._swaps_back:
            norms = find_batch_norms(self.model)
            self._of_trained_weights = {n: norm_variables.read(n) for n in norms}
        self._recalibrate()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Give the trained weights their statistics again, if they come back."""
        if self._of_trained_weights is not None:
            norm_variables.assign(self._of_trained_weights)
            self._of_trained_weights = None
            self._has_run = False

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Recalibrate the finished weights."""
        if self.when == "end" or not self._has_run:
            self._recalibrate()

    def _recalibrate(self):
        recalibrate_batch_norm(self.model, self.batches, self.samples)
        self._has_run = True
