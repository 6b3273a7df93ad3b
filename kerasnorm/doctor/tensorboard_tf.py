"""Writes examinations for TensorBoard."""

import math

import tensorflow as tf

from kerasnorm.doctor.examination import Examination


def write_examination(log_dir: str, examination: Examination, step: int) -> None:
    """Write the gap budget and the loss matrix as scalars, the verdict as text.

    Args:
        log_dir: Folder of the event files.
        examination: What to write.
        step: Epoch, from 0.
    """
    writer = tf.summary.create_file_writer(log_dir)
    groups = {"doctor_budget": examination.budget or {}, "doctor": examination.losses}
    with writer.as_default(step=step):
        for group, values in groups.items():
            for name, value in values.items():
                if math.isfinite(value):
                    tf.summary.scalar(f"{group}/{_tag(name)}", value)
        tf.summary.text(
            "doctor/verdict", f"{examination.verdict}: {examination.summary}"
        )
    writer.close()


def _tag(name: str) -> str:
    """TensorBoard's tags know no apostrophes."""
    return name.replace("''", "_on_validation").replace("'", "_estimated")
