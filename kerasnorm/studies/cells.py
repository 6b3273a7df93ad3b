"""Trains cells, each in a process of its own, and makes the row of each."""

import multiprocessing
import os
import pathlib
import shutil
import sys
import threading
import time
from typing import Any

from kerasnorm.studies.rows import add_row
from kerasnorm.studies.study import Cell, Row
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import importing
from kerasnorm.version import __version__

FOLDER = "cells"
PRELOADED = ["kerasnorm.studies.preload", "kerasnorm.training.runner"]


def start_cell(cell: Cell, folder: pathlib.Path, results: pathlib.Path) -> bool:
    """Train a cell in a process that ends with it: Keras keeps what it has compiled.

    Args:
        cell: The cell.
        folder: Folder of the study, for run directories.
        results: Where its row is written.

    Returns:
        Whether it has a row now.
    """
    methods = multiprocessing.get_all_start_methods()
    name = "forkserver" if "forkserver" in methods else "spawn"
    context: Any = multiprocessing.get_context(name)
    if name == "forkserver":
        context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_in_process, args=(cell, folder, results))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:
        # It was told as well, and keeps what it has.
        process.join()
        raise
    return process.exitcode == 0


def _in_process(cell: Cell, folder: pathlib.Path, results: pathlib.Path) -> None:
    threading.Thread(target=_end_with_study, daemon=True).start()
    importing.import_keras()
    try:
        add_row(results, train_cell(cell, folder))
    except (ValueError, RuntimeError) as error:
        print(f"error: {cell.title}: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None


def _end_with_study() -> None:
    """Leave nobody behind who trains on when the study has been killed."""
    study = multiprocessing.parent_process()
    if study is not None:
        study.join()
        os._exit(1)


def train_cell(cell: Cell, folder: pathlib.Path) -> Row:
    """Train a cell, or continue with its training, and return its row.

    Args:
        cell: The cell.
        folder: Folder of the study, for run directories.
    """
    from kerasnorm.training import runner
    from kerasnorm.training.record import run_directory

    began = time.process_time()
    place = folder / FOLDER / cell.name
    settings = cell.settings.replace(
        app=FOLDER, runs=str(folder), name=cell.name, quiet=True
    )
    if cell.after is not None:
        settings = settings.replace(weights=str(folder / FOLDER / cell.after.name))
    if place.is_dir():
        directory = run_directory.RunDirectory(place)
        is_whole = directory.settings_file.is_file()
        if is_whole and (
            not directory.read_history() or any(directory.checkpoint.glob("*.npz"))
        ):
            settings = settings.replace(resume=str(place))
        elif not directory.report_file.is_file():
            # It was killed before it had anything to continue with.
            shutil.rmtree(place)
    done = runner.run(settings)
    directory = run_directory.open_run(done.directory)
    row = {
        **{"data": cell.data, **cell.axes, "seed": settings.seed},
        **_figures(done.report, directory.read_history(), settings.head_first),
        "cpu_seconds": round(time.process_time() - began, 1),
        **_origin(directory.read_environment()),
        "recipe": cell.recipe,
    }
    # Ten times as large as all else, and of no use any more.
    shutil.rmtree(directory.checkpoint, ignore_errors=True)
    return row


def _figures(
    report: dict[str, Any], history: list[dict[str, float]], has_head: bool
) -> Row:
    """Return the figures of a run; the accuracy is that of the test part if any.

    The last epoch's accuracy shows what early stopping has prevented.
    """
    judged = "test" if "test_accuracy" in report else "validation"
    rounded = {
        "accuracy": report[f"{judged}_accuracy"],
        "loss": report[f"{judged}_loss"],
        "train_accuracy": report["train_accuracy"],
        "validation_accuracy": report["validation_accuracy"],
        "head_accuracy": history[0]["val_accuracy"] if has_head else None,
        "worst_accuracy": min(one["val_accuracy"] for one in history),
        "last_accuracy": history[-1]["val_accuracy"],
    }
    return {
        **{n: None if v is None else round(v, 5) for n, v in rounded.items()},
        "epochs": report["epochs"],
        "best_epoch": report["best_epoch"],
        "seconds": round(report["seconds"], 1),
    }


def _origin(environment: dict[str, Any]) -> Row:
    devices = [one for one in environment["devices"] if one != "CPU"]
    processor = f"{environment['cores']} cores of {environment['processor']}"
    return {
        "hardware": ", ".join(devices) or processor,
        "backend": environment["backend"],
        "version": f"{__version__} {(environment['git_commit'] or '')[:7]}".strip(),
    }
