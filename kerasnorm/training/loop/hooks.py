"""What the caller of a run adds that is not part of its settings."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras

from kerasnorm.training.inputs.loading import Data, load_data
from kerasnorm.training.settings import Settings


@dataclasses.dataclass(frozen=True)
class Hooks:
    """Ways into a run; by default none is used.

    Args:
        callbacks: Further callbacks. One that ends training by `model.stop_training`
            and has an attribute `stopped_because` gives the report its reason.
        until_epoch: Train so many epochs at most, and yet as if all those in the
            settings were to come: the learning rate keeps its schedule, and a later
            run continues from there.
        load: Settings to images, for callers that keep decoded images.
        defaults: Settings that the report compares with; those of `Settings` if None.
        command: What was typed, for `environment.json`; the words that this process
            was started with if None.
    """

    callbacks: Sequence[keras.callbacks.Callback] = ()
    until_epoch: int | None = None
    load: Callable[[Settings], Data] = load_data
    defaults: Settings | None = None
    command: str | None = None

    @property
    def stopped_because(self) -> str | None:
        """Why one of the callbacks ended training; None if none did."""
        reasons: list[Any] = [
            getattr(callback, "stopped_because", None) for callback in self.callbacks
        ]
        return next((reason for reason in reasons if reason), None)
