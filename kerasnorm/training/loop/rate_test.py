"""The range test behind `--learning-rate auto`, and what it leaves in a run."""

from typing import Any

import keras
import rich.console

from kerasnorm.callbacks import LearningRateFinder
from kerasnorm.callbacks.learning_rate_finder import NoLearningRateError
from kerasnorm.training import build
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import Settings, UsageError
from kerasnorm.training.system.atomic_files import write_table

# Where the test begins.
FIRST_RATE = 1e-6
CURVE, TABLE = "learning_rate_test.png", "learning_rate_test.csv"


def run_test(
    model: keras.Model, settings: Settings, batches: Any
) -> LearningRateFinder:
    """Return a finder after its test; the model stays as it is.

    Args:
        model: The uncompiled network; the test leaves no trace in its weights.
        settings: The run's settings, with `learning_rate` still `auto`.
        batches: Training batches.

    Raises:
        UsageError: If the loss falls at no rate.
    """
    trial = settings.replace(learning_rate=FIRST_RATE, schedule="constant")
    build.compile_model(model, trial)
    finder = LearningRateFinder(batches, minimum=FIRST_RATE)
    try:
        finder.find(model)
    except NoLearningRateError:
        raise UsageError(
            "expected --learning-rate auto to find a rate at which the loss falls, but "
            f"it fell at none from {finder.minimum:g} to {finder.maximum:g}; give a "
            "number, such as --learning-rate 0.001"
        ) from None
    return finder


def write_result(
    finder: LearningRateFinder, directory: RunDirectory, console: rich.console.Console
) -> None:
    """Write the curve of a test as table and as image, and print its result.

    Args:
        finder: The finder, after its test.
        directory: The run directory.
        console: Where to print.
    """
    curves = {
        "learning_rate": finder.learning_rates,
        "loss": finder.losses,
        "smoothed_loss": finder.smoothed_losses,
    }
    rows = [
        dict(zip(curves, map(float, point), strict=True))
        for point in zip(*curves.values(), strict=True)
    ]
    write_table(directory.path / TABLE, list(curves), rows)
    finder.plot(directory.path / CURVE)
    console.print(
        f"learning rate {finder.suggestion:.2g}, found by a range test of {len(rows)} "
        f"steps; its curve is {directory.path / CURVE}"
    )
