"""Writes the curves and the settings of a run where TensorBoard finds them."""

import html
import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.histogram import summary_v2 as histogram_summary
from tensorboard.plugins.scalar import summary_v2 as scalar_summary
from tensorboard.util import tensor_util

from kerasnorm.callbacks.event_files_tf import (
    EventFile,
    remove_events_from,
    text_summary,
)
from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.inspection.learning_rates import learning_rates


class TensorBoard(Ordered):
    """Write train and validation curves that lie over each other in one chart.

    Every value in the logs becomes one point per epoch with the tag `epoch/<name>`,
    all of them in one group of charts that TensorBoard opens by itself. Values named
    `val_<name>` go to the `validation` run under the same tag as their training
    counterpart in the `train` run. Steps are epochs counted from 1. The learning rate
    is added where the logs do not have it, and the settings as a table in the Text
    tab. After every epoch all of it is on disk, so a killed run keeps its curves.

    The folder holds the curves of one training. Where training continues from an
    earlier epoch, the points of the epochs that are trained again are removed from
    the event files already there, so that no epoch has two points. A second `fit`
    that counts from 0 with the same callback continues after the first.

    It takes the arguments of `keras.callbacks.TensorBoard` in their order, but refuses
    weight images, values per batch, profiles and embeddings: it does not use the
    runtime of TensorFlow, which would take a device's memory away from another
    backend of Keras.

    Args:
        log_dir: Folder for the runs `train` and `validation`. Defaults to `logs`.
        histogram_freq: Epochs from one histogram of each weight to the next; 0 for
            none. Defaults to 0.
        write_graph: Whether to write the graph of the layers, which functional and
            sequential models have. Defaults to true.
        write_images: False.
        write_steps_per_second: Whether to add `epoch/steps_per_second`.
        update_freq: `"epoch"`.
        profile_batch: 0.
        embeddings_freq: 0.
        embeddings_metadata: None.
        settings: Names and values to show as text. Defaults to none.
        first_epoch: Epochs already trained that `fit` does not know of, 0 or more.
            Leave it at 0 where `fit` is told by `initial_epoch`.
        weight_norms: Whether to add the Euclidean norm of each trainable weight as
            `weight_norm/<path>`; one chart each, cheap to compute.

    Raises:
        ValueError: If `first_epoch` or `histogram_freq` is below 0, or something is
            asked for that only Keras' own class writes.

    Example:
        >>> from kerasnorm.callbacks.tensorboard_tf import TensorBoard
        >>> board = TensorBoard("runs/first/tensorboard", settings={"norm": "group"})
        >>> model.fit(train, validation_data=validation, callbacks=[board])
    """

    PLACE = Place.READS_LOGS

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
        *,
        settings: Mapping[str, Any] | None = None,
        first_epoch: int = 0,
        weight_norms: bool = False,
    ) -> None:
        super().__init__()
        for name, value, only in (
            ("write_images", write_images, False),
            ("update_freq", update_freq, "epoch"),
            ("profile_batch", profile_batch, 0),
            ("embeddings_freq", embeddings_freq, 0),
            ("embeddings_metadata", embeddings_metadata, None),
        ):
            if value != only:
                raise ValueError(
                    f"expected {name}={only!r}, received {value!r}; use "
                    "keras.callbacks.TensorBoard beside this callback, in a folder of "
                    "its own"
                )
        for name, value in (
            ("first_epoch", first_epoch),
            ("histogram_freq", histogram_freq),
        ):
            if value < 0:
                raise ValueError(f"expected `{name}` 0 or more, received {value!r}")
        self.log_dir = pathlib.Path(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_steps_per_second = write_steps_per_second
        self.settings = settings
        self.first_epoch = first_epoch
        self.weight_norms = weight_norms
        # Opened when training begins: KerasTuner copies callbacks before that.
        self._writers: dict[str, EventFile] = {}
        self._offset = first_epoch
        self._epochs_written = 0
        self._begun = False
        self._epoch_began = 0.0
        self._steps_before = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Note that the next epoch is the first of this `fit`."""
        self._begun = False

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Before the first epoch, make room for it; write settings and graph."""
        self._epoch_began, self._steps_before = time.perf_counter(), self._steps()
        if self._begun:
            return
        self._begun = True
        if self._epochs_written and epoch == 0:
            self._offset = self._epochs_written
        step = epoch + 1 + self._offset
        for run in ("train", "validation"):
            remove_events_from(self.log_dir / run, step)
        if self.settings and not self._epochs_written:
            table = settings_table(self.settings)
            self._add("train", text_summary("settings", table), step)
        # Functional models have operations; the code of other models tells no graph.
        is_graph = isinstance(self.model, keras.Sequential) or hasattr(
            self.model, "operations"
        )
        if self.write_graph and is_graph and not self._epochs_written:
            self._add("train", graph_summary(self.model), step)
        self._flush()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write the values of the epoch and flush them to disk."""
        step = epoch + 1 + self._offset
        values = dict(logs or {})
        for name, rate in learning_rates(self.model.optimizer).items():
            values.setdefault(name, rate)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_began
            values["steps_per_second"] = (self._steps() - self._steps_before) / seconds
        for name, value in values.items():
            run = "validation" if name.startswith("val_") else "train"
            self._add_scalars(run, f"epoch/{name.removeprefix('val_')}", value, step)
        if self.weight_norms:
            for weight in self.model.trainable_weights:
                norm = np.linalg.norm(keras.ops.convert_to_numpy(weight))
                self._add_scalars("train", f"weight_norm/{weight.path}", norm, step)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                numbers = keras.ops.convert_to_numpy(weight)
                summary = histogram_summary.histogram_pb(
                    f"{weight.path}/histogram", numbers
                )
                self._add("train", summary, step)
        self._flush()
        self._epochs_written = step

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _steps(self) -> int:
        return int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def _add_scalars(self, run: str, tag: str, value: Any, step: int) -> None:
        numbers = np.asarray(value)
        if numbers.ndim == 0:
            self._add(run, scalar_summary.scalar_pb(tag, numbers), step)
            return
        # A metric that gives one value per class becomes one group of charts.
        for index, number in enumerate(numbers.ravel()):
            self._add(run, scalar_summary.scalar_pb(f"{tag}/{index}", number), step)

    def _add(self, run: str, summary: Any, step: int) -> None:
        if run not in self._writers:
            self._writers[run] = EventFile(self.log_dir / run)
        self._writers[run].add(summary, step)

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()


def graph_summary(model: keras.Model) -> Any:
    """Return the layers of a model and their connections as TensorBoard draws them.

    Args:
        model: A functional or sequential model.
    """
    metadata = summary_pb2.SummaryMetadata()
    metadata.plugin_data.plugin_name = "graph_keras_model"
    metadata.plugin_data.content = b"1"
    tensor = tensor_util.make_tensor_proto(model.to_json())
    value = summary_pb2.Summary.Value(tag="keras", metadata=metadata, tensor=tensor)
    return summary_pb2.Summary(value=[value])


def settings_table(settings: Mapping[str, Any]) -> str:
    """Return settings as a Markdown table of names and values.

    Args:
        settings: Names and values.
    """
    lines = ["| setting | value |", "| --- | --- |"]
    for name, value in settings.items():
        lines.append(f"| {_cell(name)} | {_cell(value)} |")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    text = html.escape(" ".join(str(value).split()), quote=False)
    for sign in "\\`*_[]|":
        text = text.replace(sign, f"\\{sign}")
    return text
