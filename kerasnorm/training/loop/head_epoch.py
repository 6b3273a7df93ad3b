"""Makes the training of the classifier alone the first epoch of a run."""

import dataclasses
from typing import Any

import keras

from kerasnorm import callbacks
from kerasnorm.training.loop.interruption import StopBetweenBatches
from kerasnorm.training.pretrained import head
from kerasnorm.training.settings import Settings

FILE = "head.json"
# They belong to batches, of which this epoch has none.
LEFT_OUT = (StopBetweenBatches, callbacks.RecalibrateBatchNorm)


def is_wanted(settings: Settings) -> bool:
    """Say whether a run begins with its classifier.

    Args:
        settings: The run's settings.
    """
    return settings.weights is not None and settings.head_first


def train(session: Any) -> None:
    """Train the classifier, unless the run is further already.

    To history, checkpoint, early stopping and clock it is an epoch like any other:
    later epochs have to be better than it, or its weights are what the run ends with.

    Args:
        session: A `FitSession` that nothing has been done with.
    """
    position = session.restore()
    if position.epoch or position.batch:
        return
    job = session.job
    job.console.print("the classifier alone, on features of all images")
    kept = [one for one in session.callbacks() if not isinstance(one, LEFT_OUT)]
    calls = keras.callbacks.CallbackList(
        kept,
        model=job.model,
        epochs=job.settings.epochs,
        steps=job.steps_per_epoch,
        verbose=0,
    )
    calls.on_train_begin()
    calls.on_epoch_begin(0)
    done = head.train_head(job.model, job.settings, job.data, job.directory)
    job.directory.write_json(FILE, dataclasses.asdict(done))
    session.limit.expect(done.seconds_of_an_epoch(len(job.data.train)))
    calls.on_epoch_end(0, {**done.logs, "images_per_second": done.features_per_second})
    calls.on_train_end()


def fraction_after(
    fraction: float, history: list[dict[str, float]], minutes: float
) -> float:
    """Return the fraction of the time for the other epochs that has passed.

    Args:
        fraction: Fraction of the whole time.
        history: One dict per epoch, the first of them that of the classifier.
        minutes: The whole time.
    """
    before = history[0]["seconds"] / (minutes * 60) if history else 0.0
    return (fraction - before) / (1 - before) if before < 1 else 1.0
