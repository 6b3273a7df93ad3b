"""Saves a training so that it can resume as if it had never been interrupted."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from kerasnorm.callbacks import checkpoint_files
from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.inspection import random_state, training_state


@dataclasses.dataclass(frozen=True)
class TrainingPosition:
    """How far a training has come.

    Args:
        epoch: Epochs completed, 0 or more; what `fit` takes as `initial_epoch`.
        batch: Batches completed in the epoch after these, 0 or more.
    """

    epoch: int
    batch: int

    def __str__(self) -> str:
        """Say it in words, counted from 1."""
        return f"epoch {self.epoch + 1} after {self.batch} batches"


class _RestOfEpoch:
    """True for Keras, and yet known from a callback's wish to stop."""


REST_OF_EPOCH = _RestOfEpoch()


class Checkpoint(Ordered):
    """Keep all that a training needs to continue exactly where it was.

    A checkpoint holds the weights with moving statistics and seed generators, the
    optimizer with its wrappers, slots and loss scale, the optimizers that the model
    keeps in attributes of its own (a GAN), the metrics of the epoch in
    progress, the state of the global random generators, what the given callbacks know,
    and the position in the data. One is written after every epoch and, in long epochs,
    every `every_seconds`. The last two are kept; a damaged one is noticed by its
    checksum, and the one before is taken. Keras' `BackupAndRestore` forgets the
    callbacks, the random state and the position.

    Wherever it stands in the list of callbacks, it runs behind those whose state it
    saves. Call `restore` before `fit`. Data must come without end, batches in an order
    that can be entered at any place, with `steps_per_epoch`; Keras then counts the
    batches of a resumed epoch from 0 again.
    Validation sees the weights as they are; nothing here changes them.

    Args:
        directory: Folder of the checkpoints; its parent must exist.
        stateful: Callbacks whose state belongs to the training, in a fixed order:
            those with `get_state` and `set_state`, and Keras' own `EarlyStopping`,
            `ReduceLROnPlateau`, `ModelCheckpoint` and `SwapEMAWeights`.
        every_seconds: Seconds between checkpoints within an epoch, above 0. Defaults
            to 60.
        before_save: Called before a checkpoint is written; what it raises prevents
            that. Defaults to nothing.

    Attributes:
        damaged: After `restore`, names of damaged files that were passed over.
        position: Where the newest checkpoint stands.

    Raises:
        ValueError: If `every_seconds` is not above 0, and in `fit` if there is a
            `SwapEMAWeights` that is not in `stateful`.

    Example:
        >>> stopping = kerasnorm.callbacks.EarlyStopping(patience=5)
        >>> checkpoint = kerasnorm.callbacks.Checkpoint("run/checkpoint", [stopping])
        >>> position = checkpoint.restore(model, (x[:8], y[:8]))
        >>> first_step = position.epoch * steps_per_epoch + position.batch
        >>> model.fit(
        ...     training_batches(images, 32, first_step=first_step),
        ...     steps_per_epoch=steps_per_epoch,
        ...     initial_epoch=position.epoch,
        ...     epochs=100,
        ...     callbacks=[stopping, checkpoint],
        ... )
    """

    PLACE = Place.SAVES_ALL

    def __init__(
        self,
        directory: str | os.PathLike[str],
        stateful: Sequence[Any] = (),
        every_seconds: float = 60.0,
        before_save: Callable[[], None] | None = None,
    ) -> None:
        super().__init__()
        if not every_seconds > 0:
            raise ValueError(
                f"expected `every_seconds` above 0, received {every_seconds!r}"
            )
        self.directory = pathlib.Path(directory)
        self.stateful = list(stateful)
        self.every_seconds = every_seconds
        self.before_save = before_save
        self.damaged: list[str] = []
        self.position = TrainingPosition(0, 0)
        self._restored: dict[str, Any] | None = None
        self._random_numbers: dict[str, Any] | None = None
        self._epoch = 0
        # Batches of the epoch that were done before this `fit`, and by now.
        self._before = 0
        self._done = 0
        self._last_saved = 0.0
        self._before_last_batch: dict[str, Any] | None = None

    def check_others(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Refuse averaged weights of which the checkpoint would know nothing."""
        for callback in callbacks:
            is_swap = isinstance(callback, keras.callbacks.SwapEMAWeights)
            if is_swap and not any(callback is one for one in self.stateful):
                raise ValueError(
                    "expected SwapEMAWeights among `stateful` of Checkpoint, received "
                    f"{[type(one).__name__ for one in self.stateful]}; a resumed "
                    "training would take averaged weights for its own"
                )

    def restore(self, model: keras.Model, batch: Any = None) -> TrainingPosition:
        """Give a model and the stateful callbacks the state of the newest checkpoint.

        Args:
            model: The compiled model, built like the one that was saved.
            batch: A batch of data as `fit` gets it, whichever. The metrics of an
                epoch in progress need it: they have no variables before.

        Returns:
            Where `fit` has to continue; the very beginning without a checkpoint.

        Raises:
            ValueError: If all checkpoints are damaged, or they are of another model
                or other callbacks.
        """
        checkpoint_files.remove_leftovers(self.directory)
        found = checkpoint_files.read_newest(self.directory)
        if found is None:
            if checkpoint_files.list_files(self.directory):
                raise ValueError(
                    f"expected a whole checkpoint in {self.directory}, but all are "
                    "damaged; start the training again"
                )
            # Whoever has to go back needs a place to go back to.
            training_state.build_optimizer(model)
            self.set_model(model)
            self.save()
            self._random_numbers = random_state.capture()
            return TrainingPosition(0, 0)
        state = found.state
        self.damaged = found.damaged
        names = [type(callback).__name__ for callback in self.stateful]
        if names != [saved["name"] for saved in state["callbacks"]]:
            raise ValueError(
                f"expected `stateful` as when the checkpoint was written, "
                f"{[saved['name'] for saved in state['callbacks']]}, received {names}"
            )
        training_state.put_back(model, state)
        built = len(model.metrics_variables) == len(state["metrics"])
        if state["batch"] and batch is not None and not built:
            training_state.build_metrics(model, batch)
        for callback, saved in zip(self.stateful, state["callbacks"], strict=True):
            if hasattr(callback, "set_state"):
                callback.set_state(saved["state"])
        self._restored, self._random_numbers = state, state["random"]
        self.position = TrainingPosition(state["epoch"], state["batch"])
        return self.position

    def save(self) -> None:
        """Write a checkpoint of this moment; call it between batches, not within.

        After the last batch of an epoch and during validation there is no way back
        into the epoch, so the state before its last batch is what is written.

        Raises:
            OSError: If it cannot be written; the checkpoint before it stays.
        """
        state = self._before_last_batch
        if state is None:
            if self.before_save is not None:
                self.before_save()
            state = self._capture(self._epoch, self._done)
        checkpoint_files.write(self.directory, state)
        self.position = TrainingPosition(state["epoch"], state["batch"])
        self._last_saved = time.monotonic()

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock, and tell Keras' own callbacks what they had known."""
        self._last_saved = time.monotonic()
        if self._restored is None:
            return
        saved = self._restored["callbacks"]
        for callback, known in zip(self.stateful, saved, strict=True):
            if not hasattr(callback, "set_state"):
                vars(callback).update(known["state"])

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Begin an epoch, or take up the interrupted one."""
        self._epoch, self._before, self._done = epoch, 0, 0
        state, self._restored = self._restored, None
        if state is not None and state["batch"]:
            self._before = self._done = state["batch"]
            training_state.put_back_metrics(self.model, state)

    def on_train_batch_begin(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Remember in memory how it was before the last batch of the epoch."""
        random_numbers, self._random_numbers = self._random_numbers, None
        if random_numbers is not None:
            # PyTorch's loaders have drawn a seed since `restore`, as `fit` began.
            random_state.put_back_torch(random_numbers)
        if self._done + 1 == self._steps:
            self._before_last_batch = self._capture(self._epoch, self._done)

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Save if it is time, and end a resumed epoch where it would have ended."""
        self._done = self._before + batch + 1
        if self._done == self._steps:
            if self._before:
                self.model.stop_training = REST_OF_EPOCH
        elif time.monotonic() - self._last_saved >= self.every_seconds:
            self.save()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Save the completed epoch."""
        if self.model.stop_training is REST_OF_EPOCH:
            self.model.stop_training = False
        self._epoch, self._before, self._done = epoch + 1, 0, 0
        self._before_last_batch = None
        self.save()

    @property
    def _steps(self) -> int | None:
        return self.params.get("steps")

    def _capture(self, epoch: int, batch: int) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "batch": batch,
            "callbacks": [
                {
                    "name": type(callback).__name__,
                    "state": training_state.callback_state(callback),
                }
                for callback in self.stateful
            ],
            **training_state.capture(self.model),
        }
