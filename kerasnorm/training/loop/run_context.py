"""What one run is made from, and the batches it trains on."""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import keras
import rich.console

from kerasnorm.data.pipelines import resolution_tf
from kerasnorm.training.inputs import batches
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.loop.interruption import Signals
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings, resolution


@dataclasses.dataclass(frozen=True)
class RunContext:
    """What one run is made from; the model is trained in place.

    Args:
        model: The compiled model.
        settings: The run's settings.
        data: The images.
        directory: The run directory.
        console: Where progress is shown.
        signals: What has been received.
        hooks: What a search adds.
    """

    model: keras.Model
    settings: Settings
    data: Data
    directory: RunDirectory
    console: rich.console.Console
    signals: Signals
    hooks: Hooks = dataclasses.field(default_factory=Hooks)

    @property
    def steps_per_epoch(self) -> int:
        """Training steps in one epoch."""
        return len(self.data.train) // self.settings.batch_size

    def batches(
        self,
        first_step: int,
        skipped: Collection[int] = (),
        time_share: Callable[[], float] = lambda: 0.0,
    ) -> Any:
        """Return what `fit` trains on, from a step on.

        Args:
            first_step: Number of the first batch.
            skipped: Steps whose batch is left out.
            time_share: Says which fraction of the allowed time has passed; with growing
                images the clock counts as it does for the learning rate.
        """
        settings = self.settings
        stream = batches.training_batches(settings, self.data, first_step, skipped)
        if not settings.progressive_resizing:
            return stream
        total = settings.epochs * self.steps_per_epoch

        def side_at(step: int) -> int:
            fraction = max(step / total, time_share())
            return resolution.side_at(fraction, settings.train_crop_size)

        return resolution_tf.with_growing_images(stream, side_at, first_step)
