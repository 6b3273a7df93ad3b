"""What a search is to do, and where its files lie; written once, read by everyone."""

import dataclasses
import json
import os
import pathlib
from typing import Any

from kerasnorm.training.settings import Settings
from kerasnorm.training.settings import version as settings_version
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system.atomic_files import write_text

from .objectives import Objective
from .spaces import Space

ALGORITHMS = ("random", "bayesian", "hyperband", "grid")


@dataclasses.dataclass(frozen=True)
class Plan:
    """A whole search, without the accidents of one call (how many workers, until when).

    Args:
        settings: What all trials have in common.
        space: What varies.
        objectives: What is looked for, one or two figures.
        algorithm: random, bayesian, hyperband or grid.
        trials: Most trials; nothing with hyperband or grid for all there are.
        median_rule: Whether trials that do worse than half of the earlier ones are
            ended early.
        max_failures: Failed trials in a row that end the search.
        hang_minutes: A worker that shows no progress for so long is replaced.
        seed: Seed of the search.
    """

    settings: Settings
    space: Space
    objectives: tuple[Objective, ...]
    algorithm: str = "random"
    trials: int | None = 20
    median_rule: bool = True
    max_failures: int = 5
    hang_minutes: float = 10.0
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["settings"] = settings_version.stamped(dataclasses.asdict(self.settings))
        values["space"] = self.space.to_list()
        values["objectives"] = [dataclasses.asdict(o) for o in self.objectives]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Plan":
        """Make a plan from what `to_dict` returned.

        Args:
            values: The plain values.
        """
        return cls(
            **{
                **values,
                "settings": Settings.from_dict(values["settings"]),
                "space": Space.from_list(values["space"]),
                "objectives": tuple(Objective(**o) for o in values["objectives"]),
            }
        )


@dataclasses.dataclass(frozen=True)
class SearchDirectory:
    """Paths of one search directory; every file is written aside and then renamed.

    Args:
        path: The folder. Run directories of the trials are APP/TRIAL below it.
    """

    path: pathlib.Path

    @property
    def plan_file(self) -> pathlib.Path:
        """What the search is to do."""
        return self.path / "plan.json"

    @property
    def search_file(self) -> pathlib.Path:
        """How the search stands, for people and programs."""
        return self.path / "search.json"

    @property
    def oracle_file(self) -> pathlib.Path:
        """What KerasTuner's oracle knows; the chief's memory."""
        return self.path / "keras_tuner" / "oracle.json"

    @property
    def tensorboard(self) -> pathlib.Path:
        """What TensorBoard shows: a folder for each trial, named like it."""
        return self.path / "tensorboard"

    @property
    def workers(self) -> pathlib.Path:
        """Folder of signs of life and logs."""
        return self.path / "workers"

    def note_file(self, trial_id: str) -> pathlib.Path:
        """Return the file in which the worker writes down what became of a trial.

        Args:
            trial_id: The trial.
        """
        return self.path / "trials" / f"{trial_id}.json"

    def heartbeat_file(self, worker: str) -> pathlib.Path:
        """Return the file that changes as long as a worker makes progress.

        Args:
            worker: Its KerasTuner id.
        """
        return self.workers / f"{worker}.json"

    def write_plan(self, plan: Plan) -> None:
        """Write `plan.json`.

        Args:
            plan: The plan.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.plan_file, plan.to_dict(), durable=True, indent=2)

    def run(self, plan: Plan, trial_id: str) -> pathlib.Path:
        """Return the run directory of a trial.

        Args:
            plan: The search.
            trial_id: The trial.
        """
        return self.path / plan.settings.app / f"trial_{trial_id}"

    def read_plan(self) -> Plan:
        """Read `plan.json` back.

        Raises:
            UsageError: If the folder is no search directory.
        """
        if not self.plan_file.is_file():
            raise UsageError(
                f"expected the directory of a search, received {self.path}, which "
                "holds no plan.json; begin a search there without --resume"
            )
        return Plan.from_dict(self._read_values())

    def check_resumable(self) -> None:
        """Refuse to continue with a search whose values mean something else today.

        What it has tried and reported so far keeps the names of its time.

        Raises:
            UsageError: If one of them does.
        """
        values = self._read_values()
        version = settings_version.version_of(values["settings"])
        for parameter in values["space"]:
            for value in parameter.get("values", ()):
                if settings_version.has_changed(parameter["name"], value, version):
                    raise UsageError(
                        f"expected a search that began after {value!r} became another "
                        f"{parameter['name']}, received {self.path}; begin a new one"
                    )

    def _read_values(self) -> Any:
        return json.loads(self.plan_file.read_text(encoding="utf-8"))


def write_json(
    file: pathlib.Path,
    value: Any,
    *,
    durable: bool = False,
    indent: int | None = None,
) -> None:
    """Write a value as JSON, whole or not at all; makes the folder.

    Args:
        file: Output path.
        value: Plain values. NaN and infinity are kept, as Python's JSON has them.
        durable: Whether it survives a power cut, too, and not only the end of
            the process; that takes the disk up to half a second.
        indent: Spaces of each level, for files that people read.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=indent, default=_plain) + "\n"
    if durable:
        write_text(file, text)
        return
    aside = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)


def read_json(file: pathlib.Path) -> dict[str, Any]:
    """Return what `write_json` wrote; an empty dict where there is no such file.

    Args:
        file: The file.
    """
    try:
        value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return value


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"expected a plain value for JSON, received {type(value).__name__}")
