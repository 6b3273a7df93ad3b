"""Writes examinations for TensorBoard."""

import pathlib
from collections.abc import Mapping
from typing import Any

from tensorboard.plugins.scalar import summary_v2 as scalar_summary

from kerasnorm.callbacks.event_files_tf import EventFile, text_summary


def write_examination(log_dir: str, examination: Mapping[str, Any], step: int) -> None:
    """Write the gap budget and the loss matrix as scalars, the verdict as text.

    Args:
        log_dir: Folder of the event files.
        examination: The values of `Examination.to_dict`.
        step: Epoch, from 0.
    """
    file = EventFile(pathlib.Path(log_dir))
    budget = examination["budget"]
    groups = {
        "doctor_budget": budget["parts"] if budget else {},
        "doctor": examination["losses"],
    }
    for group, values in groups.items():
        for name, value in values.items():
            if value is not None:
                tag = f"{group}/{_tag(name)}"
                file.add(scalar_summary.scalar_pb(tag, value), step)
    verdict = f"{examination['verdict']}: {examination['summary']}"
    file.add(text_summary("doctor/verdict", verdict), step)
    file.close()


def _tag(name: str) -> str:
    """TensorBoard's tags know no apostrophes."""
    return name.replace("''", "_on_validation").replace("'", "_estimated")
