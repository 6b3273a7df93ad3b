"""One trial: from the values of the parameters to the figures of a finished run."""

import dataclasses
import gc
import math
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from kerasnorm.training import runner
from kerasnorm.training.devices import out_of_memory
from kerasnorm.training.loop.hooks import Hooks
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError

from ..plan import Plan, SearchDirectory, read_json, write_json

# What Hyperband adds to the values of a trial.
PROMOTED_FROM = "tuner/trial_id"
EPOCHS = "tuner/epochs"
# Figures of the report that the list of results shows, besides the objectives.
FIGURES = (
    "validation_loss",
    "validation_accuracy",
    "train_loss",
    "train_accuracy",
    "best_epoch",
    "epochs",
    "seconds",
    "images_per_second",
    "parameters",
    "stopped_because",
)


class TrialFailed(RuntimeError):
    """A trial has no result; its note says why."""


@dataclasses.dataclass
class TrialRun:
    """What runs one trial and writes down what became of it.

    Args:
        plan: The search.
        directory: Where its files lie.
        trial_id: The trial.
        values: Value of each parameter, and what Hyperband adds.
        hooks: What the worker adds to the run; `until_epoch` is set here.
        train: `kerasnorm.training.run`; tests put something else here.
    """

    plan: Plan
    directory: SearchDirectory
    trial_id: str
    values: Mapping[str, Any]
    hooks: Hooks
    train: Callable[[Settings, Hooks], runner.Run] = runner.run

    def __post_init__(self) -> None:
        self.note = read_json(self.directory.note_file(self.trial_id))
        self.note.setdefault("remarks", [])
        self.note["values"] = self.plan.space.own_values(self.values)
        self.note["run_directory"] = str(self.run_directory)
        if EPOCHS in self.values:
            self.hooks = dataclasses.replace(
                self.hooks, until_epoch=int(self.values[EPOCHS])
            )
            self.note["promoted_from"] = self.values.get(PROMOTED_FROM) or None

    @property
    def run_directory(self) -> pathlib.Path:
        """The run directory of the trial."""
        return self.directory.run(self.plan, self.trial_id)

    @property
    def tensorboard(self) -> pathlib.Path:
        """The trial as TensorBoard shows it."""
        return self.directory.tensorboard / self.run_directory.name

    def run(self) -> dict[str, float]:
        """Train, or continue with training, and return the figures.

        Returns:
            The value of each objective.

        Raises:
            TrialFailed: If the trial has no finite figures; the note says why.
        """
        try:
            report = self._train_with_less_memory()
            figures = {o.name: o.of_report(report) for o in self.plan.objectives}
            for name, value in figures.items():
                if not math.isfinite(value):
                    raise TrialFailed(f"{name} is {value}")
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            self.fail(reason, error)
        planned = self.hooks.until_epoch or self.plan.settings.epochs
        epochs, seconds = not_spent(report, planned, self.plan.settings.max_minutes)
        self._write(
            status="completed",
            reason=None,
            objectives=figures,
            figures={name: report.get(name) for name in FIGURES},
            epochs_saved=epochs,
            seconds_saved=seconds,
            ended_by_median_rule=self.hooks.stopped_because is not None
            or "median rule" in str(report["stopped_because"]),
        )
        return figures

    def fail(self, reason: str, cause: Exception | None = None) -> NoReturn:
        """Write down that the trial has failed.

        Args:
            reason: One sentence.
            cause: What went wrong.

        Raises:
            TrialFailed: Always.
        """
        self._write(status="failed", reason=reason)
        raise TrialFailed(reason) from cause

    def settings(self) -> Settings:
        """Return the settings of the trial, as they stand after lack of memory.

        Raises:
            UsageError: If the values contradict each other.
        """
        settings = self.plan.space.settings(self.plan.settings, self.values)
        settings = settings.replace(
            runs=str(self.directory.path),
            name=self.run_directory.name,
            resume=None,
            examine=settings.examine
            or any(o.needs_examination for o in self.plan.objectives),
        )
        return smaller_batch(settings) if self.note.get("less_memory") else settings

    def _train_with_less_memory(self) -> dict[str, Any]:
        try:
            return self._train()
        except out_of_memory.OutOfMemory as error:
            if self.note.get("less_memory") or self.settings().batch_size < 2:
                raise
            problem = str(error)
        # Only now is the network of the first attempt given up by the traceback.
        gc.collect()
        before, after = self.settings(), smaller_batch(self.settings())
        self.note["less_memory"] = True
        self.note["remarks"].append(
            f"out of memory with batches of {before.batch_size} ({problem}); tried "
            f"once more with batches of {after.batch_size}, {after.accumulate} to a "
            "step"
        )
        self._write(status="running", reason=None)
        shutil.rmtree(self.run_directory, ignore_errors=True)
        return self._train()

    def _train(self) -> dict[str, Any]:
        settings = self.settings()
        folder = self.run_directory
        self._claim(folder)
        if not _can_go_on(folder):
            shutil.rmtree(folder, ignore_errors=True)
            self._take_over_promoted(folder)
        self._write(status="running", reason=None)
        if _can_go_on(folder):
            resumed = settings.replace(name=None, resume=str(folder))
            try:
                report: dict[str, Any] = self.train(resumed, self.hooks).report
                return report
            except ValueError as error:
                if "checkpoint" not in str(error):
                    raise
                # Damaged, or of another version of the program.
                self.note["remarks"].append(f"trained from the beginning: {error}")
            shutil.rmtree(folder)
        return self.train(settings, self.hooks).report

    def _claim(self, folder: pathlib.Path) -> None:
        """Note that a folder is this trial's, to be cleared away where it fails.

        Raises:
            ValueError: If somebody else's run lies there.
        """
        if not self.note.setdefault("began", "status" in self.note):
            if folder.exists():
                raise ValueError(
                    f"expected no other run in the place of the trial, but {folder} "
                    "exists; move it elsewhere"
                )
            self.note["began"] = True
            self._write(status="running", reason=None)

    def _take_over_promoted(self, folder: pathlib.Path) -> None:
        """Copy the run that Hyperband wants to continue with, optimizer and all."""
        past = self.values.get(PROMOTED_FROM)
        if not past:
            return
        source = self.directory.run(self.plan, str(past))
        if not _can_go_on(source):
            # It failed before its first checkpoint, as all of its round did.
            self.note["remarks"].append(
                f"trained from the beginning: trial {past} has left no checkpoint"
            )
            return
        aside = folder.with_name(f".{folder.name}.aside")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(source, aside)
        for result in ("report.json", "model.keras", "report.html"):
            (aside / result).unlink(missing_ok=True)
        aside.rename(folder)
        past_note = read_json(self.directory.note_file(str(past)))
        self.note["less_memory"] = past_note.get("less_memory", False)

    def _write(self, **changes: Any) -> None:
        self.note.update(changes)
        write_json(self.directory.note_file(self.trial_id), self.note)


def not_spent(
    report: Mapping[str, Any], planned: int, max_minutes: float | None
) -> tuple[int, float]:
    """Return the epochs and the seconds of training that an early end has saved.

    Args:
        report: Report of the run.
        planned: Epochs it might have had.
        max_minutes: Time it might have had; nothing for no limit. Where the limit has
            ended it, nothing is saved.
    """
    each = report["seconds"] / max(report["epochs"], 1)
    epochs = max(planned - report["epochs"], 0)
    if max_minutes is not None and each > 0:
        left = max(60 * max_minutes - report["seconds"], 0.0)
        # The limit ends a training with the epoch that is nearest to it.
        epochs = min(epochs, round(left / each))
    return epochs, epochs * each


def smaller_batch(settings: Settings) -> Settings:
    """Halve the batch and let twice as many make a step.

    Args:
        settings: Settings of a trial that ran out of memory.

    Raises:
        UsageError: If they go without gradient accumulation.
    """
    if settings.sam is not None:
        raise UsageError(
            f"expected a trial that can accumulate gradients, received sam "
            f"{settings.sam}; sharpness-aware minimization cannot"
        )
    return settings.replace(
        batch_size=max(settings.batch_size // 2, 1), accumulate=settings.accumulate * 2
    )


def _can_go_on(folder: pathlib.Path) -> bool:
    checkpoint = folder / "checkpoint"
    whole = (folder / "settings.yaml", folder / "environment.json")
    return all(f.is_file() for f in whole) and any(checkpoint.glob("*.npz"))
