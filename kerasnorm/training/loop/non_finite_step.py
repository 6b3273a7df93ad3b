"""Finds the batch and the layer in which numbers went bad, and saves the batch."""

import dataclasses
from collections.abc import Collection
from typing import Any

import keras
import numpy as np

from kerasnorm import callbacks
from kerasnorm.callbacks.finite_guard import FiniteGuard, NonFinite
from kerasnorm.inspection.first_non_finite import first_non_finite
from kerasnorm.training.devices import multi_process_training
from kerasnorm.training.inputs import batches
from kerasnorm.training.loop.run_context import RunContext

BATCH_FILE = "non_finite_batch.npz"
FILES_NAMED = 3


@dataclasses.dataclass(frozen=True)
class NonFiniteCause:
    """Where numbers went bad.

    Args:
        step: Batches trained before the bad one, over all epochs.
        sentence: Epoch, batch, layer and files in words.
    """

    step: int
    sentence: str


def examine(
    job: RunContext,
    found: NonFinite,
    start: callbacks.TrainingPosition,
    skipped: Collection[int],
) -> NonFiniteCause:
    """Repeat training from the last good checkpoint and look at every step.

    The guard of a running training looks at the loss alone. A gradient that corrupts
    the weights shows in the loss one batch later, so the batch it names may be the
    one after. The model is left with corrupted weights; restore it afterwards.

    Args:
        job: The run; its model stands at `start`.
        found: What the guard noticed, counted in whole epochs.
        start: TrainingPosition of the last good checkpoint.
        skipped: Steps left out before.
    """
    first = start.epoch * job.steps_per_epoch + start.batch
    noticed = found.epoch * job.steps_per_epoch + found.batch
    guard = FiniteGuard(every_weight=True)
    repeated = True
    step = noticed
    try:
        job.model.fit(
            multi_process_training.own_rows(job.batches(first, skipped)),
            steps_per_epoch=noticed - first + 1,
            shuffle=False,
            callbacks=[guard],
            verbose=0,
        )
        repeated = False
    except NonFinite as again:
        found, step = again, first + again.batch
        restore_weights(job.model, guard)
    batch = next(iter(job.batches(step)))
    files = batches.files_of(job.settings, job.data, step)
    words, rows = first_non_finite(job.model, batch) if repeated else (None, [])
    save_batch(job, batch, files, step)
    epoch, place = divmod(step, job.steps_per_epoch)
    corrupted = [files[row] for row in rows] or files
    named = ", ".join(corrupted[:FILES_NAMED])
    return NonFiniteCause(
        step,
        f"{found.where} was NaN or infinite in epoch {epoch + 1} at batch {place + 1}"
        f"{'; it began in ' + words if words else ''}; the batch ({named}"
        f"{', ...' if len(corrupted) > FILES_NAMED else ''}) is kept in "
        f"{job.directory.path / BATCH_FILE}",
    )


def restore_weights(model: keras.Model, guard: FiniteGuard) -> None:
    """Put the weights back that the model had before the bad batch.

    Args:
        model: The model.
        guard: What kept them.
    """
    if guard.before is not None:
        for variable, value in zip(model.variables, guard.before, strict=True):
            variable.assign(value)


def save_batch(job: RunContext, batch: Any, files: list[str], step: int) -> None:
    """Write the images, labels and file names of a batch into the run directory.

    Args:
        job: The run.
        batch: Images and labels as the model got them.
        files: Their files.
        step: Batches trained before.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    np.savez_compressed(
        job.directory.path / BATCH_FILE,
        images=np.asarray(x),
        labels=np.asarray(y),
        files=np.array(files, dtype=str),
        step=step,
    )
