"""Has the doctor examine a trained model on what the run trained and validated on."""

from typing import Any

import keras
import rich.console

from kerasnorm import doctor
from kerasnorm.data import pipeline_tf
from kerasnorm.training import batches
from kerasnorm.training.loading import Data
from kerasnorm.training.settings import Settings

# A run of the demo's size is examined well within it.
SECONDS = 45.0


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
        data: The pictures.
        history: One dict per epoch.
        console: Where to say what is going on.

    Returns:
        The examination, or None if it is switched off or failed.
    """
    if not settings.examine:
        return None
    steps = len(data.train) // settings.batch_size
    columns = {
        name: [row[name] for row in history if name in row]
        for row in history[:1]
        for name in row
    }
    try:
        return doctor.examine(
            model,
            batches.training_batches(settings, data).take(steps),
            pipeline_tf.evaluation_batches(data.validation, settings.batch_size),
            history=columns,
            seconds=SECONDS,
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
