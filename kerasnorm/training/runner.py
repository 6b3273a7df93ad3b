"""One run from settings to report: data, model, fit, evaluation, files."""

import dataclasses
import math
import pathlib
from typing import Any

import keras
import rich.console

from kerasnorm import callbacks
from kerasnorm.callbacks.tensorboard_tf import TensorBoard
from kerasnorm.data import pipeline_tf
from kerasnorm.data.augment import Augmentation
from kerasnorm.training import (
    assemble,
    environment,
    progress,
    resume,
    run_directory,
)
from kerasnorm.training.history import HistoryFile
from kerasnorm.training.loading import Data, load_data
from kerasnorm.training.results import Outcome, write_results
from kerasnorm.training.settings import Settings


@dataclasses.dataclass(frozen=True)
class Run:
    """What a finished run leaves behind.

    Args:
        directory: The run directory.
        report: Content of `report.json`.
    """

    directory: pathlib.Path
    report: dict[str, Any]


def run(settings: Settings) -> Run:
    """Train, evaluate and report as the settings say.

    Every app and every trial of a search ends here, so a tuned result can be repeated
    by an app.

    Args:
        settings: The resolved settings.

    Returns:
        The run directory and the figures in it.

    Raises:
        UsageError: If the settings cannot be used.
        ValueError: If the data cannot be used, or the run directory exists.

    Example:
        >>> from kerasnorm.training import Settings, run
        >>> run(Settings(data="photos", norm="group", epochs=20)).report["best_epoch"]
    """
    console = rich.console.Console(quiet=settings.quiet)
    settings = with_full_path(settings)
    directory = run_directory.open_run(settings.resume) if settings.resume else None
    if directory is not None and resume.is_finished(directory, settings):
        resume.say_finished(console, directory)
        return Run(directory.path, directory.read_report())
    prepare_random_state(settings)
    data = load_data(settings)
    steps_per_epoch = len(data.train) // settings.batch_size
    model = assemble.compile_model(
        assemble.build_model(settings, len(data.train.class_names)),
        settings,
        steps_per_epoch,
    )
    if directory is None:
        directory = run_directory.create(settings)
        directory.write_settings(settings)
        directory.write_json("environment.json", environment.describe(settings.seed))
    else:
        resume.reopen(directory, settings)
    directory.write_rejected(data.rejected)
    console.print(
        f"{len(data.train)} training and {len(data.validation)} validation pictures "
        f"of {', '.join(data.train.class_names[:10])}; {len(data.rejected)} files "
        f"left out; {model.count_params():,} parameters",
        highlight=False,
        soft_wrap=True,
    )
    outcome = fit(model, settings, data, directory, console)
    report = write_results(model, settings, data, directory, outcome)
    progress.print_summary(console, directory, report)
    return Run(directory.path, report)


def with_full_path(settings: Settings) -> Settings:
    """Write a data folder out in full, so that the run works from anywhere.

    Args:
        settings: The run's settings.
    """
    folder = pathlib.Path(settings.data)
    return settings.replace(data=str(folder.resolve())) if folder.is_dir() else settings


def prepare_random_state(settings: Settings) -> None:
    """Seed everything that draws, and make operations repeatable if asked.

    Args:
        settings: Seed and whether to be deterministic.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(settings.seed)
    if settings.deterministic and keras.config.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def fit(
    model: keras.Model,
    settings: Settings,
    data: Data,
    directory: run_directory.RunDirectory,
    console: rich.console.Console,
) -> Outcome:
    """Train, and return the history, why training stopped and how long it took.

    Args:
        model: The compiled model; it ends with its best weights.
        settings: The run's settings.
        data: The pictures.
        directory: Where the curves are written.
        console: Where progress is shown.
    """
    steps_per_epoch = len(data.train) // settings.batch_size
    stopping = callbacks.EarlyStopping(patience=settings.patience)
    limit = callbacks.TimeLimit(settings.max_minutes or math.inf)
    history = HistoryFile(directory)
    checkpoint = callbacks.Checkpoint(directory.checkpoint, [stopping, limit, history])
    validation = pipeline_tf.evaluation_batches(data.validation, settings.batch_size)
    position = checkpoint.restore(model, next(iter(validation)))
    resume.say_position(console, settings, checkpoint, position)
    is_over = stopping.is_over or limit.is_over
    model.fit(
        training_batches(settings, data, position),
        initial_epoch=position.epoch,
        epochs=position.epoch if is_over else settings.epochs,
        # The order is the pipeline's; Keras would only warn that it cannot shuffle.
        shuffle=False,
        steps_per_epoch=steps_per_epoch,
        validation_data=validation,
        callbacks=[
            callbacks.Throughput(settings.batch_size),
            callbacks.LearningRateLog(),
            stopping,
            limit,
            history,
            TensorBoard(directory.tensorboard, settings.to_dict()),
            checkpoint,
            progress.ProgressLines(console, settings.epochs, steps_per_epoch),
        ],
        verbose=0,
    )
    reason = limit.stopped_because or str(stopping.stopped_because)
    return Outcome(history.rows, reason, limit.spent_seconds)


def training_batches(
    settings: Settings, data: Data, position: callbacks.Position
) -> Any:
    """Return the training batches from a position on, without end.

    Args:
        settings: The run's settings.
        data: The pictures.
        position: Where training goes on.
    """
    steps_per_epoch = len(data.train) // settings.batch_size
    return pipeline_tf.training_batches(
        data.train,
        settings.batch_size,
        augmentation(settings),
        settings.seed,
        mixup=settings.mixup,
        cutmix=settings.cutmix,
        label_smoothing=settings.label_smoothing,
        first_step=position.epoch * steps_per_epoch + position.batch,
    )


def augmentation(settings: Settings) -> Augmentation:
    """Return what is done to training pictures, as the settings say.

    Args:
        settings: The run's settings.
    """
    jitter = (1 - settings.color_jitter, 1 + settings.color_jitter)
    return Augmentation(
        rotation_range=settings.rotation_range,
        width_shift_range=settings.width_shift_range,
        height_shift_range=settings.height_shift_range,
        shear_range=settings.shear_range,
        zoom_range=settings.zoom_range,
        horizontal_flip=settings.horizontal_flip,
        brightness_range=jitter,
        contrast_range=jitter,
        saturation_range=jitter,
    )
