"""Takes an interrupted run up again: whether there is anything to do, and where."""

import keras
import rich.console

from kerasnorm import callbacks
from kerasnorm.training.loop import interruption
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import streams

# They end a training; raised, they let a finished one continue.
LIMITS = ("epochs", "max_minutes", "patience")


def is_finished(directory: RunDirectory, settings: Settings) -> bool:
    """Say whether a run has its final report, and its limits are as they were.

    Args:
        directory: The run directory.
        settings: The settings it is to continue with.
    """
    if not directory.report_file.is_file() or not directory.model_file.is_file():
        return False
    before = directory.read_settings()
    same = all(getattr(before, name) == getattr(settings, name) for name in LIMITS)
    return same and directory.read_json("report.json").get("finished", True)


def check_backend(directory: RunDirectory) -> None:
    """Refuse another backend than the run began with: it draws other random numbers.

    Args:
        directory: The run directory.

    Raises:
        UsageError: If it is another one.
    """
    now = keras.config.backend()
    before = directory.read_environment().get("backend", now)
    if before != now:
        raise UsageError(
            f"expected the backend {before}, with which {directory.path} began, "
            f"received {now}; set KERAS_BACKEND={before}"
        )


def reopen(directory: RunDirectory, settings: Settings) -> None:
    """Make a run unfinished again and note its new limits.

    Args:
        directory: The run directory.
        settings: The settings it continues with.
    """
    directory.report_file.unlink(missing_ok=True)
    directory.write_settings(settings)


def say_finished(console: rich.console.Console, directory: RunDirectory) -> None:
    """Print that there is nothing left to train.

    Args:
        console: Where to print.
        directory: The run directory.
    """
    report = directory.read_report()
    console.print(
        f"the run is finished ({report['epochs']} epochs; {report['stopped_because']})"
        "; nothing is left to train. More --epochs, --patience or --max-minutes let "
        "it continue",
    )


def say_position(
    console: rich.console.Console,
    settings: Settings,
    checkpoint: callbacks.Checkpoint,
) -> None:
    """Print where a run continues; nothing for a new one.

    Args:
        console: Where to print.
        settings: The run's settings.
        checkpoint: The checkpoint it was restored from.
    """
    if checkpoint.damaged:
        console.print(
            f"{', '.join(checkpoint.damaged)} is damaged; the checkpoint before it "
            "is used",
        )
    if settings.resume:
        console.print(f"resumes at {checkpoint.position}")


def say_interrupted(
    interrupted: interruption.Interrupted, directory: RunDirectory, settings: Settings
) -> None:
    """Print, also in a quiet run, that all is kept and how to continue.

    Args:
        interrupted: Which signal it was.
        directory: The run directory.
        settings: The run's settings.
    """
    streams.console(stderr=True).print(
        f"interrupted by {interrupted.signal_name}; everything is kept, continue with\n"
        + interruption.resume_command(directory, settings),
    )


def disk_trouble(error: OSError, directory: RunDirectory, settings: Settings) -> str:
    """Return one sentence on a run directory that cannot be written.

    Args:
        error: What went wrong.
        directory: The run directory.
        settings: The run's settings.
    """
    if not directory.path.is_dir():
        return (
            f"the run directory {directory.path} was removed while the run was "
            "writing to it; start again"
        )
    command = interruption.resume_command(directory, settings)
    return (
        f"cannot write to the run directory: {error.strerror or error} "
        f"({error.filename or directory.path}); the checkpoint before this is kept: "
        f"fix it and continue with {command}"
    )


def data_trouble(error: Exception, directory: RunDirectory, settings: Settings) -> str:
    """Return one sentence on images that can no longer be read.

    Args:
        error: What went wrong.
        directory: The run directory.
        settings: The run's settings.
    """
    command = interruption.resume_command(directory, settings)
    problem = str(error).removesuffix(", or begin a new run.")
    return f"{problem}, then continue with {command}, or begin a new run."
