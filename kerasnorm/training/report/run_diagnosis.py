"""Has the doctor look at a run: before it trains, and at what it has trained."""

import dataclasses
from typing import Any

import keras
import rich.console

from kerasnorm import doctor
from kerasnorm.data.pipelines import batches_tf
from kerasnorm.data.progress import Progress
from kerasnorm.training.devices import distribution
from kerasnorm.training.inputs import batches
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings

# A run of the demo's size is examined well within it.
SECONDS = 45.0
# The look before the training takes about a second; this is for large networks.
PREFLIGHT_SECONDS, PREFLIGHT_SAMPLES = 5.0, 128


def preflight_run(
    model: keras.Model,
    settings: Settings,
    data: Data,
    directory: RunDirectory,
    console: rich.console.Console,
) -> doctor.Examination | None:
    """Look for what would harm the training; say it and write `preflight.json`.

    Args:
        model: The compiled model; it stays as it is.
        settings: The run's settings.
        data: The images.
        directory: The run directory.
        console: Where findings are shown.

    Returns:
        The examination, or None if it is switched off, failed, or the run resumes from
        a checkpoint or trains on several devices.
    """
    again = settings.resume is not None or distribution.replicas_of(model) > 1
    if not settings.preflight or again:
        return None
    steps = len(data.train) // settings.batch_size
    few = max(4, PREFLIGHT_SAMPLES // settings.batch_size)
    try:
        found = doctor.preflight(
            model,
            batches.training_batches(settings, unweighted(data)).take(min(few, steps)),
            batches.validation_batches(settings, data),
            seconds=PREFLIGHT_SECONDS,
            samples=PREFLIGHT_SAMPLES,
            steps_per_epoch=steps,
            quick=True,
        )
    except Exception as error:
        # Training itself will tell whether this matters.
        if settings.debug:
            raise
        problem = " ".join(str(error).split())
        console.print(f"the doctor could not look at the model beforehand: {problem}")
        return None
    for finding in found.findings:
        if finding.severity != "info":
            console.print(f"before training: {finding.summary} {finding.remedy}")
    directory.write_json("preflight.json", found.to_dict())
    return found


def unweighted(data: Data) -> Data:
    """Return the images without sample weights, which validation knows none of.

    Args:
        data: The images.
    """
    train = dataclasses.replace(data.train, sample_weights=None)
    validation = dataclasses.replace(data.validation, sample_weights=None)
    return dataclasses.replace(data, train=train, validation=validation)


def splits_of(settings: Settings, data: Data) -> dict[str, Any]:
    """Return the batches that `examine` wants, both pipelines swapped as well.

    Args:
        settings: The run's settings.
        data: The images.
    """
    size = settings.batch_size
    data = unweighted(data)
    # The finished model takes images of one size.
    settings = settings.replace(train_size=settings.image_size)
    splits = {
        "train": batches.training_batches(settings, data).take(len(data.train) // size),
        "validation": batches_tf.evaluation_batches(data.validation, size),
        "plain": batches_tf.evaluation_batches(data.train, size),
    }
    steps = len(data.validation) // size
    if steps:
        still = settings.without_augmentation()
        unchanged = dataclasses.replace(data, train=data.validation)
        splits["swapped"] = batches.training_batches(still, unchanged).take(steps)
    return splits


def examine_run(
    model: keras.Model,
    settings: Settings,
    data: Data,
    history: list[dict[str, float]],
    console: rich.console.Console | None = None,
) -> doctor.Examination | None:
    """Examine a trained model; a failure is said and does not cost the run.

    Args:
        model: The compiled model with its best weights; it stays as it is.
        settings: The run's settings.
        data: The images.
        history: One dict per epoch.
        console: Where to say what is continuing.

    Returns:
        The examination, or None if it is switched off or failed.
    """
    if not settings.examine:
        return None
    columns = {
        name: [row[name] for row in history if name in row]
        for row in history[:1]
        for name in row
    }
    try:
        with Progress("examining the model", quiet=settings.quiet) as progress:
            return doctor.examine(
                model,
                **splits_of(settings, data),
                history=columns,
                seconds=SECONDS,
                progress=progress.say,
            )
    except Exception as error:
        # Whatever the model is, its training has succeeded and must be reported.
        if settings.debug:
            raise
        if console is not None:
            problem = " ".join(str(error).split())
            console.print(f"the doctor could not examine the model: {problem}")
        return None


def verdict_of(examination: doctor.Examination | None) -> dict[str, Any] | None:
    """Return an examination as plain values for `report.json`.

    Args:
        examination: The examination, if there is one.
    """
    return None if examination is None else examination.to_dict()
