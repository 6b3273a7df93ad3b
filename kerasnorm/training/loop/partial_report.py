"""What a run leaves behind that has been interrupted: its figures so far."""

from typing import Any

import numpy as np

from kerasnorm.training.loop.run_context import RunContext
from kerasnorm.training.report import results
from kerasnorm.training.report.html_file import RunRecord, write_report
from kerasnorm.training.settings.unused import used_values


def write(job: RunContext, outcome: results.TrainingResult) -> dict[str, Any]:
    """Write `report.json`, marked as not finished, and the page.

    Nothing is evaluated: whoever sends a signal waits only for seconds. The figures
    are those of the best epoch in the history, taken while its weights changed.

    Args:
        job: The run.
        outcome: How far it came.

    Returns:
        Content of `report.json`.
    """
    history = outcome.history
    best = results.best_epoch(history)
    row = {} if best is None else history[best - 1]
    report = {
        "app": job.settings.app,
        "name": job.directory.path.name,
        "finished": False,
        "train_loss": row.get("loss"),
        "train_accuracy": row.get("accuracy"),
        "validation_loss": row.get("val_loss"),
        "validation_accuracy": row.get("val_accuracy"),
        "best_epoch": best,
        "epochs": len(history),
        "seconds": outcome.seconds,
        "images_per_second": results.median(history, "images_per_second"),
        "parameters": job.model.count_params(),
        "stopped_because": outcome.stopped_because,
        "rejected_files": len(job.data.rejected),
        "class_names": list(job.data.train.class_names),
        "image_size": job.settings.image_size,
    }
    if history:
        classes = len(job.data.train.class_names)
        record = RunRecord(
            title=f"{job.settings.app}: {job.directory.path.name} (interrupted)",
            settings=used_values(job.settings),
            default_settings=job.directory.read_defaults().to_dict(),
            environment=job.directory.read_json("environment.json"),
            history=history,
            summary=report,
            class_names=list(job.data.train.class_names),
            # There are no predictions yet.
            confusion=np.zeros((classes, classes), np.int64),
            mistakes=[],
            rejected=job.data.rejected,
        )
        write_report(record, job.directory.path)
    job.directory.write_json("report.json", report)
    return report
