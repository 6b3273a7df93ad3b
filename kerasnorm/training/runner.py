"""One run from settings to report: data, model, fit, evaluation, files."""

import contextlib
import dataclasses
import pathlib
from typing import Any

import keras
import rich.console

from kerasnorm.data.errors import DataError
from kerasnorm.data.store.failures import failures_in_words
from kerasnorm.training import build
from kerasnorm.training.devices import (
    distribution,
    multi_process_training,
    out_of_memory,
    precision,
)
from kerasnorm.training.inputs import batches
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.loop import (
    fitting,
    interruption,
    partial_report,
    progress,
    rate_test,
    resume,
)
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.loop.run_context import RunContext
from kerasnorm.training.pretrained import start
from kerasnorm.training.record import environment, run_directory
from kerasnorm.training.report import run_diagnosis
from kerasnorm.training.report.results import write_results
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import importing, streams


@dataclasses.dataclass(frozen=True)
class Run:
    """What a finished run leaves behind.

    Args:
        directory: The run directory.
        report: Content of `report.json`.
    """

    directory: pathlib.Path
    report: dict[str, Any]


def run(settings: Settings, hooks: Hooks | None = None) -> Run:
    """Train, evaluate and report as the settings say.

    Every app and every trial of a search ends here, so a tuned result can be repeated
    by an app.

    Args:
        settings: The resolved settings.
        hooks: What a search adds to the run.

    Returns:
        The run directory and the figures in it.

    Raises:
        UsageError: If the settings cannot be used.
        ValueError: If the data cannot be used, or the run directory exists.

    Example:
        >>> from kerasnorm.training import Settings, run
        >>> run(Settings(data="photos", norm="group", epochs=20)).report["best_epoch"]
    """
    multi_process_training.join(settings)
    try:
        with (
            importing.plain_keras(),
            multi_process_training.own_settings(settings.with_full_paths()) as own,
        ):
            done = _run(precision.resolve_auto_precision(own), hooks or Hooks())
    finally:
        distribution.end(settings)
    if multi_process_training.index() == 0:
        return done
    return Run(multi_process_training.directory_of(settings), done.report)


def _run(settings: Settings, hooks: Hooks) -> Run:
    console = streams.console(quiet=settings.quiet)
    directory = run_directory.open_run(settings.resume) if settings.resume else None
    if directory is not None and resume.is_finished(directory, settings):
        resume.say_finished(console, directory)
        return Run(directory.path, directory.read_report())
    with contextlib.ExitStack() as open_until_the_end:
        signals = open_until_the_end.enter_context(interruption.Signals())
        if directory is not None:
            directory.check_resumable()
            resume.check_backend(directory)
            open_until_the_end.enter_context(directory.alone())
        job = prepare(settings, directory, console, signals, hooks)
        if directory is None:
            open_until_the_end.enter_context(job.directory.alone())
        try:
            report = train_and_report(job)
        except (UsageError, DataError):
            # What cannot be used leaves nothing behind that would be in the way.
            if directory is None:
                job.directory.discard()
            raise
        except interruption.Interrupted as interrupted:
            if multi_process_training.index() == 0:
                resume.say_interrupted(interrupted, job.directory, job.settings)
            raise
    progress.print_summary(console, job.directory, report)
    return Run(job.directory.path, report)


def prepare(
    settings: Settings,
    directory: run_directory.RunDirectory | None,
    console: rich.console.Console,
    signals: interruption.Signals,
    hooks: Hooks,
) -> RunContext:
    """Load the images, build the model and make or reopen the run directory.

    Args:
        settings: The run's settings.
        directory: The run directory of a resumed run; None for a new one.
        console: Where progress is shown.
        signals: Signals that arrive in this run.
        hooks: What a search adds to the run.
    """
    if directory is None:
        start.find_weights(settings)
    prepare_random_state(settings)
    data = hooks.load(settings)
    batches.check_accumulation(settings, data)
    finder = None
    with distribution.scope(settings):
        shared = distribution.with_synchronized_norm(settings)
        names = data.train.class_names
        model = build.build_model(
            shared,
            len(names),
            class_names=names,
            say=console.print,
            fill=directory is None,
        )
        if settings.learning_rate == "auto":
            trial = batches.training_batches(settings, data)
            with failures_in_words(data.train):
                finder = rate_test.run_test(model, settings, trial)
            settings = settings.replace(learning_rate=finder.suggestion)
        build.compile_model(model, settings)
    if directory is None:
        directory = run_directory.create(settings)
        # First: a run directory is one that has settings.
        directory.write_split(data.split)
        usual = (hooks.defaults or Settings(app=settings.app)).with_full_paths()
        directory.write_settings(settings, precision.resolve_auto_precision(usual))
        described = environment.describe(settings.seed, hooks.command)
        described["gray_bits"] = data.gray_bits
        directory.write_json("environment.json", described)
    directory.write_rejected(data.rejected)
    for note in data.notes:
        console.print(note)
    console.print(
        f"{len(data.train)} training and {len(data.validation)} validation images "
        f"of {', '.join(data.train.class_names[:10])}; {left_out(data, directory)}; "
        f"{model.count_params():,} parameters",
    )
    if finder is not None:
        rate_test.write_result(finder, directory, console)
    return RunContext(model, settings, data, directory, console, signals, hooks)


def left_out(data: Data, directory: run_directory.RunDirectory) -> str:
    """Say how many files were left out, and where they are listed if there are any.

    Args:
        data: The images.
        directory: Where the run is written.
    """
    count = len(data.rejected)
    if not count:
        return "no file left out"
    files = "1 file" if count == 1 else f"{count:,} files"
    return f"{files} left out, listed in {directory.rejected_file}"


def train_and_report(job: RunContext) -> dict[str, Any]:
    """Train and write the report, whole or as far as the run has come.

    Args:
        job: What is trained.

    Returns:
        Content of `report.json`.

    Raises:
        Interrupted: After a signal, when everything has been kept.
        OutOfMemory: If the batch size is too large.
        RuntimeError: If numbers went bad or the run directory cannot be written.
    """
    try:
        run_diagnosis.preflight_run(
            job.model, job.settings, job.data, job.directory, job.console
        )
        outcome = fitting.fit(job)
        if job.signals.received is not None:
            partial_report.write(job, outcome)
            raise interruption.Interrupted(job.signals.received)
        model = finished_model(job)
        return write_results(model, job.settings, job.data, job.directory, outcome)
    except fitting.NonFiniteTrainingError as bad:
        partial_report.write(job, bad.outcome)
        command = interruption.resume_command(job.directory, job.settings)
        raise RuntimeError(
            f"expected finite numbers in training, but {bad}; the last good checkpoint "
            f"is kept: try {command} with --on-nan reduce-lr or --on-nan skip"
        ) from None
    except OSError as error:
        raise RuntimeError(
            resume.disk_trouble(error, job.directory, job.settings)
        ) from error
    except Exception as error:
        if job.data.failure is not None:
            raise RuntimeError(
                resume.data_trouble(job.data.failure, job.directory, job.settings)
            ) from error
        if out_of_memory.is_out_of_memory(error):
            raise out_of_memory.OutOfMemory(
                out_of_memory.advice(job.settings)
            ) from error
        raise


def finished_model(job: RunContext) -> keras.Model:
    """Return the trained model, or a copy on one device that knows its image size.

    Evaluation, doctor and file then deal with an ordinary model and any batch.

    Args:
        job: What has been trained.
    """
    if distribution.replicas_of(job.model) == 1 and job.settings.has_one_size:
        return job.model
    distribution.end(job.settings)
    shared = distribution.with_synchronized_norm(job.settings).of_one_size()
    model = build.build_model(shared, len(job.data.train.class_names), fill=False)
    model.set_weights(job.model.get_weights())
    if shared.image_size < job.settings.image_size:
        model = build.look_at_center(model, job.settings.image_size)
    build.compile_model(model, job.settings)
    model.optimizer.build(model.trainable_variables)
    for variable, trained in zip(
        model.optimizer.variables, job.model.optimizer.variables, strict=True
    ):
        variable.assign(keras.ops.convert_to_numpy(trained))
    return model


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
