"""Writes a search where TensorBoard's HParams tab finds it."""

import math
import pathlib
from typing import Any

from tensorboard.plugins.hparams import api_pb2, summary
from tensorboard.plugins.scalar import summary_v2 as scalar_summary

from kerasnorm.callbacks.event_files_tf import EVENT_FILES, EventFile

from ..objectives import Objective
from ..oracles import crash_safe_oracle
from ..parameters import Choice, Parameter
from ..plan import Plan
from ..workers.trial import TrialRun

# What is shown of every trial, besides the objectives.
SHOWN = ("val_loss", "val_accuracy", "images_per_second")
FINAL = "final"
# Columns that TensorBoard shows at first: those marked as different, then by name.
COLUMNS = 5


def write_session(run: TrialRun, figures: dict[str, float] | None) -> None:
    """Write the values and the final figures of a trial beside its curves.

    What is searched stands in each of these files: a file of its own for it would be
    an empty run beside those of the trials.

    Args:
        run: The trial.
        figures: Value of each objective; None for a trial that has failed.
    """
    folder = run.tensorboard
    values: dict[str, Any] = {
        name: value if isinstance(value, str | bool) else float(value)
        for name, value in run.note["values"].items()
    }
    records = [
        (experiment(run.plan), 0),
        (summary.session_start_pb(values, group_name=folder.name), 0),
    ]
    if figures is None:
        records.append((summary.session_end_pb(api_pb2.STATUS_FAILURE), 0))
        _replace(folder, records)
        return
    report = {**run.note["figures"], **figures}
    step = int(run.note["figures"]["epochs"] or 0)
    for objective in shown(run.plan):
        value = figures.get(objective.name, objective.of_report(report))
        # With one NaN in it TensorBoard draws none of the lines.
        if math.isfinite(value):
            tag = f"{FINAL}/{objective.name}"
            records.append((scalar_summary.scalar_pb(tag, value), step))
    records.append((summary.session_end_pb(api_pb2.STATUS_SUCCESS), step))
    _replace(folder, records)


def experiment(plan: Plan) -> Any:
    """Return what is searched and which figures there are.

    Args:
        plan: The search.
    """
    metrics = [
        api_pb2.MetricInfo(
            name=api_pb2.MetricName(tag=f"{FINAL}/{objective.name}"),
            display_name=objective.name,
        )
        for objective in shown(plan)
    ]
    infos = [_info(parameter) for parameter in plan.space.parameters]
    for info in infos[:COLUMNS]:
        info.differs = True
    return summary.experiment_pb(infos, [*metrics, _curve(plan)])


def shown(plan: Plan) -> list[Objective]:
    """Return the figures that are shown: the objectives first.

    Args:
        plan: The search.
    """
    names = [objective.name for objective in plan.objectives]
    rest = [Objective(name, "min") for name in SHOWN if name not in names]
    return [*plan.objectives, *rest]


def _curve(plan: Plan) -> api_pb2.MetricInfo:
    """Return the curve that "Show Metrics" draws for a trial, from its own run."""
    watched = crash_safe_oracle.watched(plan).name
    split = "validation" if watched.startswith("val_") else "train"
    return api_pb2.MetricInfo(
        name=api_pb2.MetricName(
            group=split, tag=f"epoch/{watched.removeprefix('val_')}"
        ),
        display_name=f"{watched} by epoch",
    )


def _info(parameter: Parameter) -> api_pb2.HParamInfo:
    info = api_pb2.HParamInfo(name=parameter.name)
    if not isinstance(parameter, Choice):
        info.type = api_pb2.DATA_TYPE_FLOAT64
        info.domain_interval.min_value = parameter.low
        info.domain_interval.max_value = parameter.high
        return info
    kind = type(parameter.values[0])
    info.type = {
        str: api_pb2.DATA_TYPE_STRING,
        bool: api_pb2.DATA_TYPE_BOOL,
    }.get(kind, api_pb2.DATA_TYPE_FLOAT64)
    for value in parameter.values:
        shown_value = value if isinstance(value, str | bool) else float(value)
        info.domain_discrete.append(shown_value)
    return info


def _replace(folder: pathlib.Path, records: list[tuple[Any, int]]) -> None:
    """Write one event file in place of the one an earlier attempt has left."""
    old = list(folder.glob(EVENT_FILES))
    # Made before the old ones go, so that a TensorBoard that runs reads it after them.
    file = EventFile(folder)
    for path in old:
        path.unlink()
    for pb, step in records:
        file.add(pb, step)
    file.close()
