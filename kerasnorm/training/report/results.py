"""What a trained model leaves in its run directory: model, figures, page."""

import dataclasses
import math
import statistics
from typing import Any

import keras
import numpy as np

from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.report import (
    confusion,
    evaluation,
    explanations,
    run_diagnosis,
)
from kerasnorm.training.report.html_file import RunRecord, ShownImage, write_report
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.unused import used_values

WORST_MISTAKES = 24
RIGHT_SHOWN = 8


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """How a training went.

    Args:
        history: One dict per epoch; `epoch` counts from 1.
        stopped_because: Why it ended.
        seconds: How long it took, interruptions left out.
    """

    history: list[dict[str, float]]
    stopped_because: str
    seconds: float


def write_results(
    model: keras.Model,
    settings: Settings,
    data: Data,
    directory: RunDirectory,
    outcome: TrainingResult,
) -> dict[str, Any]:
    """Evaluate the trained model and write model, report and page.

    Args:
        model: The model with its best weights.
        settings: The run's settings.
        data: The images.
        directory: The run directory.
        outcome: How training went.

    Returns:
        Content of `report.json`.
    """
    history = outcome.history
    train, validation = (
        evaluation.evaluate(
            model, images, settings.batch_size, mirrored=settings.flip_tta
        )
        for images in (data.train, data.validation)
    )
    report = {
        "app": settings.app,
        "name": directory.path.resolve().name,
        "train_loss": train.loss,
        "train_accuracy": train.accuracy,
        "validation_loss": validation.loss,
        "validation_accuracy": validation.accuracy,
        "best_epoch": best_epoch(history),
        "epochs": len(history),
        "seconds": outcome.seconds,
        "images_per_second": median(history, "images_per_second"),
        "parameters": model.count_params(),
        "stopped_because": outcome.stopped_because,
        **_of_test(model, settings, data),
        "train_samples": train.samples,
        "validation_samples": validation.samples,
        "rejected_files": len(data.rejected),
        "class_names": list(data.train.class_names),
        "image_size": settings.image_size,
        "gray_bits": data.gray_bits,
        "average_mirrored": settings.flip_tta,
    }
    save_model(model, directory)
    examination = run_diagnosis.examine_run(model, settings, data, history)
    report["examination"] = run_diagnosis.verdict_of(examination)
    wrong, right = (
        _shown(model, settings, data, validation, places)
        for places in (
            validation.worst(WORST_MISTAKES),
            validation.surest(RIGHT_SHOWN),
        )
    )
    record = RunRecord(
        title=f"{settings.app}: {directory.path.name}",
        settings=used_values(settings),
        default_settings=directory.read_defaults().to_dict(),
        environment=directory.read_json("environment.json"),
        history=history,
        summary=report,
        class_names=list(data.train.class_names),
        confusion=validation.confusion,
        mistakes=wrong,
        right=right,
        rejected=data.rejected,
        examination_html=None
        if examination is None
        else examination.to_html(fragment=True),
    )
    write_report(record, directory.path)
    directory.write_json("report.json", report)
    return report


def _shown(
    model: keras.Model,
    settings: Settings,
    data: Data,
    judged: evaluation.Evaluation,
    places: list[int],
) -> list[ShownImage]:
    """Return validation images with what the model takes them for, and why."""
    if not places:
        return []
    names = data.train.class_names
    images = data.validation.read(np.array(places))
    drawn = explanations.explain(
        model, images, judged.predictions[places], mirrored=settings.flip_tta
    )
    return [
        ShownImage(
            path=data.name_of(str(data.validation.paths[place])),
            image=image,
            true_class=names[judged.labels[place]],
            predicted_class=names[judged.predictions[place]],
            probability=float(judged.probabilities[place].max()),
            explanation=explanation,
        )
        for place, image, explanation in zip(places, images, drawn, strict=True)
    ]


def _of_test(model: keras.Model, settings: Settings, data: Data) -> dict[str, Any]:
    """Return the figures of the test part, which nothing has looked at before."""
    if data.test is None:
        return {}
    test = evaluation.evaluate(
        model, data.test, settings.batch_size, mirrored=settings.flip_tta
    )
    return {
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_accuracy_interval": confusion.wilson_interval(
            test.accuracy, test.samples
        ),
        "test_samples": test.samples,
    }


def save_model(model: keras.Model, directory: RunDirectory) -> None:
    """Save the model aside and rename it, so that no half file is ever read.

    Args:
        model: The model.
        directory: The run directory.
    """
    aside = directory.path / ".aside.keras"
    model.save(aside)
    aside.replace(directory.model_file)


def best_epoch(history: list[dict[str, float]]) -> int | None:
    """Return the epoch of the smallest validation loss; None if none is finite.

    Args:
        history: One dict per epoch.
    """
    finite = [row for row in history if math.isfinite(row["val_loss"])]
    best = min(finite, key=lambda row: row["val_loss"], default=None)
    return None if best is None else int(best["epoch"])


def median(history: list[dict[str, float]], name: str) -> float:
    """Return the median of a column over the epochs; 0 without any.

    Args:
        history: One dict per epoch.
        name: The column.
    """
    values = [row[name] for row in history if name in row]
    return statistics.median_high(values) if values else 0.0
