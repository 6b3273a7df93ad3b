"""Searches without training: a stand-in for a run, and plans around it."""

import importlib.util
import json
import math
import pathlib
import types

import pytest
import yaml

from kerasnorm.training.settings import Settings
from tuning.objectives import Objective
from tuning.parameters import Choice, Range
from tuning.plan import Plan, SearchDirectory
from tuning.spaces import Space

# Searches need KerasTuner, which needs TensorFlow.
collect_ignore_glob = [] if importlib.util.find_spec("tensorflow") else ["*test_*.py"]


SPACE = Space(
    (
        Choice("norm", ("batch", "group", "frn")),
        Choice("optimizer", ("sgd", "adamw")),
        Range("learning_rate", 1e-3, 1e-1, log=True),
        Choice("batch_size", (4, 8)),
    )
)


def make_plan(**changes) -> Plan:
    """Return a plan over a small space; anything may be changed."""
    values = {
        "settings": Settings(app="cats_dogs", epochs=4, examine=False),
        "space": SPACE,
        "objectives": (Objective("val_loss", "min"),),
        "trials": 6,
    }
    return Plan(**{**values, **changes})


class StandIn:
    """Trains nothing, but leaves a run directory and a report like a real run.

    Args:
        loss: Function of the settings; what it raises the run raises.
    """

    def __init__(self, loss=lambda settings: settings.learning_rate):
        self.loss = loss
        self.seen: list[Settings] = []
        self.starts: list[int] = []

    def __call__(self, settings, hooks):
        from kerasnorm.training.runner import Run

        self.seen.append(settings)
        folder = pathlib.Path(
            settings.resume or f"{settings.runs}/{settings.app}/{settings.name}"
        )
        (folder / "checkpoint").mkdir(parents=True, exist_ok=True)
        counter = folder / "checkpoint" / "epochs.npz"
        self.starts.append(int(counter.read_text()) if counter.exists() else 0)
        (folder / "settings.yaml").write_text(yaml.safe_dump(settings.to_dict()))
        (folder / "environment.json").write_text("{}")
        last = hooks.until_epoch or settings.epochs
        counter.write_text(str(last))
        value = self.loss(settings)
        model = types.SimpleNamespace(stop_training=False)
        epoch = self.starts[-1]
        while epoch < last and not model.stop_training:
            for callback in hooks.callbacks:
                callback.set_model(model)
                callback.on_epoch_end(epoch, {"val_loss": value})
            epoch += 1
        report = {
            "validation_loss": value,
            "validation_accuracy": 1 - value if math.isfinite(value) else 0.0,
            "parameters": settings.batch_size * 100,
            "images_per_second": 1000.0 / settings.batch_size,
            "epochs": epoch,
            "seconds": 2.0 * epoch,
            "stopped_because": hooks.stopped_because
            or f"all {epoch} epochs were trained",
        }
        (folder / "report.json").write_text(json.dumps(report))
        return Run(folder, report)


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """Return a function that makes a tuner of one process for a plan."""
    from tuning.record import hparams_tf
    from tuning.workers import tuner

    # No test cuts the power, and a busy disk takes a second for each.
    monkeypatch.setattr("os.fsync", lambda handle: None)
    # Event files are another test's business, and take longer than all of this.
    monkeypatch.setattr(hparams_tf, "write_session", lambda run, figures: None)

    def make(plan=None, train=None):
        directory = SearchDirectory(tmp_path)
        if plan is not None:
            directory.write_plan(plan)
        return tuner.TrialTuner(directory, train=train or StandIn())

    return make
