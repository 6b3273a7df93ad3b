"""What a training shows in the terminal: one line an epoch and a closing table."""

import shlex
from collections.abc import Mapping
from typing import Any

import keras
import rich.console
import rich.progress
import rich.table

from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.system import streams


class ProgressLines(keras.callbacks.Callback):
    """Print one line per epoch; in a terminal also a bar within the epoch.

    Args:
        console: Where to print.
        epochs: Number of epochs planned.
        steps: Training steps in one epoch.
    """

    def __init__(self, console: rich.console.Console, epochs: int, steps: int) -> None:
        super().__init__()
        self.console = console
        self.epochs = epochs
        self.steps = steps
        self._bar: rich.progress.Progress | None = None
        self._task: Any = None

    def on_epoch_begin(
        self, epoch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Start the bar."""
        if self.console.is_terminal and not self.console.quiet:
            self._bar = rich.progress.Progress(console=self.console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(
                f"epoch {epoch + 1}/{self.epochs}", total=self.steps
            )

    def on_train_batch_end(
        self, batch: int, logs: Mapping[str, float] | None = None
    ) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=batch + 1)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Print the epoch's figures."""
        self._stop_bar()
        values = logs or {}

        def show(name: str, form: str) -> str:
            return format(values[name], form) if name in values else "-"

        self.console.print(
            f"epoch {epoch + 1:>3}/{self.epochs}"
            f"  loss {show('loss', '.4f')}  accuracy {show('accuracy', '.3f')}"
            f"  val_loss {show('val_loss', '.4f')}"
            f"  val_accuracy {show('val_accuracy', '.3f')}"
            f"  {show('images_per_second', '.0f')} images/s",
        )

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Take the bar away if training was stopped in mid-epoch."""
        self._stop_bar()

    def _stop_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def print_summary(
    console: rich.console.Console, directory: RunDirectory, report: Mapping[str, Any]
) -> None:
    """Print the closing table and where to look next.

    Args:
        console: Where to print.
        directory: The run directory.
        report: Content of `report.json`.
    """
    table = rich.table.Table(
        title=f"{report['app']}: {report['name']}",
        caption="mirror images averaged" if report.get("average_mirrored") else None,
    )
    for heading in ("best epoch", "", "loss", "accuracy", "images/s"):
        table.add_column(heading, justify="right")

    def figure(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    table.add_row(
        f"{report['best_epoch'] or '-'} of {report['epochs']}",
        "train",
        figure(report["train_loss"]),
        figure(report["train_accuracy"]),
        f"{report['images_per_second']:.0f}",
    )
    for part in ("validation", "test"):
        if f"{part}_loss" in report:
            loss, accuracy = report[f"{part}_loss"], report[f"{part}_accuracy"]
            table.add_row("", part, figure(loss), figure(accuracy), "")
    streams.print_table(table, quiet=console.quiet)
    console.print(f"stopped because {report['stopped_because']}")
    examination = report.get("examination")
    if examination:
        console.print(
            f"doctor       {examination['verdict']}: {examination['summary']}",
        )
    lines = (
        f"report       {directory.path / 'report.html'}",
        f"tensorboard  tensorboard --logdir {shlex.quote(str(directory.tensorboard))}",
    )
    for line in lines:
        console.print(line)
