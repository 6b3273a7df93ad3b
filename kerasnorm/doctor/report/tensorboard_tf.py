"""Writes examinations for TensorBoard."""

import math
import pathlib

from tensorboard.plugins.scalar import summary_v2 as scalar_summary

from kerasnorm.callbacks.event_files_tf import EventFile, text_summary
from kerasnorm.doctor.examination import Examination


def write_examination(log_dir: str, examination: Examination, step: int) -> None:
    """Write the gap budget and the loss matrix as scalars, the verdict as text.

    Args:
        log_dir: Folder of the event files.
        examination: What to write.
        step: Epoch, from 0.
    """
    file = EventFile(pathlib.Path(log_dir))
    groups = {"doctor_budget": examination.budget or {}, "doctor": examination.losses}
    for group, values in groups.items():
        for name, value in values.items():
            if math.isfinite(value):
                tag = f"{group}/{_tag(name)}"
                file.add(scalar_summary.scalar_pb(tag, value), step)
    verdict = f"{examination.verdict}: {examination.summary}"
    file.add(text_summary("doctor/verdict", verdict), step)
    file.close()


def _tag(name: str) -> str:
    """TensorBoard's tags know no apostrophes."""
    return name.replace("''", "_on_validation").replace("'", "_estimated")
