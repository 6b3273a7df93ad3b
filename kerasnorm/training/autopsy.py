"""Finds the batch and the layer in which numbers went bad, and saves the batch."""

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasnorm import callbacks
from kerasnorm.callbacks import model_walk
from kerasnorm.callbacks.finite_guard import FiniteGuard, NonFinite, is_finite
from kerasnorm.training import batches

if TYPE_CHECKING:
    from kerasnorm.training.fitting import Job

BATCH_FILE = "non_finite_batch.npz"
FILES_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Blame:
    """Where numbers went bad.

    Args:
        step: Batches trained before the bad one, over all epochs.
        sentence: Epoch, batch, layer and files in words.
    """

    step: int
    sentence: str


def examine(
    job: "Job", found: NonFinite, start: callbacks.Position, skipped: Collection[int]
) -> Blame:
    """Repeat training from the last good checkpoint and look at every step.

    The guard of a running training looks at the loss alone. A gradient that spoils
    the weights shows in the loss one batch later, so the batch it names may be the
    one after. The model is left with spoilt weights; restore it afterwards.

    Args:
        job: The run; its model stands at `start`.
        found: What the guard noticed, counted in whole epochs.
        start: Position of the last good checkpoint.
        skipped: Steps left out before.
    """
    settings, data = job.settings, job.data
    first = start.epoch * job.steps_per_epoch + start.batch
    noticed = found.epoch * job.steps_per_epoch + found.batch
    guard = FiniteGuard(every_weight=True)
    repeated = True
    step = noticed
    try:
        job.model.fit(
            batches.training_batches(settings, data, first, skipped),
            steps_per_epoch=noticed - first + 1,
            shuffle=False,
            callbacks=[guard],
            verbose=0,
        )
        repeated = False
    except NonFinite as again:
        found, step = again, first + again.batch
        restore_weights(job.model, guard)
    batch = next(iter(batches.training_batches(settings, data, step)))
    files = batches.files_of(settings, data, step)
    culprit, rows = first_culprit(job.model, batch) if repeated else (None, [])
    save_batch(job, batch, files, step)
    epoch, place = divmod(step, job.steps_per_epoch)
    spoilt = [files[row] for row in rows] or files
    named = ", ".join(spoilt[:FILES_NAMED])
    return Blame(
        step,
        f"{found.where} was no finite number in epoch {epoch + 1} at batch {place + 1}"
        f"{'; it began in ' + culprit if culprit else ''}; the batch ({named}"
        f"{', ...' if len(spoilt) > FILES_NAMED else ''}) is kept in "
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


def first_culprit(model: keras.Model, batch: Any) -> tuple[str | None, list[int]]:
    """Find what is the first to be no finite number, in the order of a training step.

    That is: pictures, outputs of layers, loss, gradients from the last layer to the
    first, moving statistics.

    Args:
        model: The model before the bad batch; its moving statistics move.
        batch: The batch.

    Returns:
        It in words, None if nothing is found; and the rows of the batch that are
        spoilt, where only some are.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if not _all_finite(x):
        return "the pictures themselves", _spoilt_rows(x)
    spoilt: list[tuple[str, list[int]]] = []

    def watch(path):
        def call(original, *args, **kwargs):
            outputs = original(*args, **kwargs)
            if not _all_finite(outputs):
                spoilt.append(
                    (f"the output of the layer {path}", _spoilt_rows(outputs))
                )
            return outputs

        return call

    layers = {layer: watch(path) for path, layer in model_walk.walk_layers(model)}
    with model_walk.stand_in(layers):
        predicted = model(x, training=True)
        if spoilt:
            return spoilt[0]
        if not _all_finite(model.compute_loss(x, y, predicted, sample_weight)):
            return "the loss itself", []
    path = _spoilt_gradient(model, x, y, sample_weight)
    if path is not None:
        return f"the gradient of {path}", []
    for variable in model.non_trainable_variables:
        if not is_finite(variable):
            return f"the moving statistic {variable.path}", []
    return None, []


def save_batch(job: "Job", batch: Any, files: list[str], step: int) -> None:
    """Write the pictures, labels and file names of a batch into the run directory.

    Args:
        job: The run.
        batch: Pictures and labels as the model got them.
        files: Their files.
        step: Batches trained before.
    """
    x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
    np.savez_compressed(
        job.directory.path / BATCH_FILE,
        pictures=keras.ops.convert_to_numpy(x),
        labels=keras.ops.convert_to_numpy(y),
        files=np.array(files, dtype=str),
        step=step,
    )


def _spoilt_gradient(model, x, y, sample_weight) -> str | None:
    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow as tf

    with tf.GradientTape() as tape:
        predicted = model(x, training=True)
        loss = model.compute_loss(x, y, predicted, sample_weight)
    weights = model.trainable_variables
    gradients = tape.gradient(loss, [weight.value for weight in weights])
    # Backward means from the last layer to the first.
    for weight, gradient in reversed(list(zip(weights, gradients, strict=True))):
        if gradient is not None and not _all_finite(gradient):
            path: str = weight.path
            return path
    return None


def _spoilt_rows(values: Any) -> list[int]:
    array = keras.ops.convert_to_numpy(keras.tree.flatten(values)[0])
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return [] if not finite.any() else [int(row) for row in np.flatnonzero(~finite)]


def _all_finite(values: Any) -> bool:
    return all(
        np.isfinite(keras.ops.convert_to_numpy(value)).all()
        for value in keras.tree.flatten(values)
        if value is not None and "float" in keras.backend.standardize_dtype(value.dtype)
    )
