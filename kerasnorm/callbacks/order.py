"""Brings the callbacks of one `fit` into an order in which they work together.

Keras calls callbacks in the order of their list, and tells none of them about the
others. What restores weights must come before what recalibrates them, and what saves
the state of others after them; the list that a user wrote should not decide it, nor
whether training ended in its last epoch or before.
"""

import enum
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras


class Place(enum.IntEnum):
    """Where a callback stands among those that depend on each other."""

    SWAPS_WEIGHTS = enum.auto()
    ADDS_LOGS = enum.auto()
    READS_LOGS = enum.auto()
    RECALIBRATES = enum.auto()
    SAVES_ALL = enum.auto()


KERAS_PLACES: dict[type, Place] = {
    keras.callbacks.SwapEMAWeights: Place.SWAPS_WEIGHTS,
    keras.callbacks.CSVLogger: Place.READS_LOGS,
    keras.callbacks.EarlyStopping: Place.READS_LOGS,
    keras.callbacks.ModelCheckpoint: Place.READS_LOGS,
    keras.callbacks.ReduceLROnPlateau: Place.READS_LOGS,
    keras.callbacks.RemoteMonitor: Place.READS_LOGS,
    keras.callbacks.TensorBoard: Place.READS_LOGS,
}


class Ordered(keras.callbacks.Callback):
    """Mixin of callbacks whose results depend on other callbacks of the same `fit`.

    A subclass names its `PLACE`, unless it is a subclass of a callback of Keras that
    has one. As `fit` begins, the callbacks that have a place trade their positions in
    the list until they stand in the order of `Place`; all others stay where they are.
    """

    PLACE: Place | None = None

    def set_model(self, model: keras.Model) -> None:
        """Take the model, and bring the callbacks around this one into order."""
        super().set_model(model)
        callbacks = _list_around(self)
        if callbacks is not None:
            self.check_others(callbacks.callbacks)
            # A new list: Keras is iterating over the old one.
            callbacks.callbacks = with_averages_kept(
                arranged(callbacks.callbacks), model
            )

    def check_others(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Refuse callbacks that cannot work together with this one in any order.

        Args:
            callbacks: All callbacks of this `fit`.

        Raises:
            ValueError: If there are some.
        """


class KeepAverages(keras.callbacks.Callback):
    """Leaves the averaged weights in a model whose training is stopped early.

    `SwapEMAWeights(swap_on_epoch=True)` holds the averages in the model between epochs
    and the trained weights in the optimizer, which Keras writes into the model when
    `fit` ends. It gives the optimizer the averages only in the last planned epoch, and
    a second `fit` would swap them with what was restored or loaded in between.

    Args:
        swap: The callback that swaps.
    """

    def __init__(self, swap: keras.callbacks.SwapEMAWeights) -> None:
        super().__init__()
        self.swap = swap

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Do in the epoch that turns out to be the last what Keras does in the last."""
        if self.model.stop_training and self.swap._ema_weights_in_model:
            self.swap._finalize_ema_values()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Note that training continues with the weights in the model."""
        self.swap._ema_weights_in_model = False


def with_averages_kept(
    callbacks: Sequence[keras.callbacks.Callback], model: keras.Model
) -> list[keras.callbacks.Callback]:
    """Return callbacks with what keeps averages; the same where none are swapped.

    Args:
        callbacks: The callbacks in order.
        model: The model of this `fit`.
    """
    is_kept = any(isinstance(callback, KeepAverages) for callback in callbacks)
    keepers = [
        KeepAverages(callback)
        for callback in callbacks
        if isinstance(callback, keras.callbacks.SwapEMAWeights)
        and callback.swap_on_epoch
        and not is_kept
    ]
    for keeper in keepers:
        keeper.set_model(model)
    places = [place_of(callback) for callback in callbacks]
    first = places.index(Place.SAVES_ALL) if Place.SAVES_ALL in places else len(places)
    # Checkpoints hold what the model is left with; a stop may be decided behind them.
    return [*callbacks[:first], *keepers, *callbacks[first:], *keepers]


def arranged(
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[keras.callbacks.Callback]:
    """Return callbacks in an order in which they work together.

    Args:
        callbacks: The callbacks in any order.
    """
    ordered = sorted(filter(place_of, callbacks), key=lambda c: place_of(c) or 0)
    following = iter(ordered)
    return [next(following) if place_of(c) else c for c in callbacks]


def place_of(callback: Any) -> Place | None:
    """Return the place of a callback; None if it depends on no other that is known.

    Args:
        callback: Any callback.
    """
    own: Place | None = getattr(callback, "PLACE", None)
    if own is not None:
        return own
    for kind, place in KERAS_PLACES.items():
        if isinstance(callback, kind):
            return place
    # What has a state must be done before `Checkpoint` saves it.
    return Place.READS_LOGS if hasattr(callback, "get_state") else None


def _list_around(callback: Any) -> keras.callbacks.CallbackList | None:
    """Return the list that is handing the model to a callback just now."""
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, keras.callbacks.CallbackList) and any(
            one is callback for one in owner.callbacks
        ):
            return owner
        frame = frame.f_back
    return None
