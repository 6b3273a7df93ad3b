"""The folder of one run: where its files lie and how they are written."""

import contextlib
import csv
import dataclasses
import datetime
import json
import os
import pathlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml

from kerasnorm.data import locks
from kerasnorm.data.sources.split_table import SplitTable
from kerasnorm.training.inputs.run_files import SPLIT_FILE
from kerasnorm.training.settings import Settings, version, yaml_files
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import paths
from kerasnorm.training.system.atomic_files import json_text, write_table, write_text

FIRST_COLUMNS = (
    "epoch",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "learning_rate",
    "seconds",
    "images_per_second",
)


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """Paths of one run directory; every file is written aside and then renamed.

    Args:
        path: The folder, `runs/<app>/<name>`.
    """

    path: pathlib.Path

    @property
    def settings_file(self) -> pathlib.Path:
        """The resolved settings; also what `--config` takes."""
        return self.path / "settings.yaml"

    @property
    def rejected_file(self) -> pathlib.Path:
        """The list of files that were left out, with the reason."""
        return self.path / "rejected_files.csv"

    @property
    def model_file(self) -> pathlib.Path:
        """The model with its best weights."""
        return self.path / "model.keras"

    @property
    def report_file(self) -> pathlib.Path:
        """The figures of the run as JSON."""
        return self.path / "report.json"

    @property
    def tensorboard(self) -> pathlib.Path:
        """Folder of the event files, one below it for training and validation."""
        return self.path / "tensorboard"

    @property
    def checkpoint(self) -> pathlib.Path:
        """Folder of what `--resume` needs."""
        return self.path / "checkpoint"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from training in this folder.

        Raises:
            ValueError: If one does already.
        """
        lock = locks.take(self.path / ".lock")
        if lock is None:
            raise ValueError(
                f"expected a run that nobody trains, received {self.path}, which "
                "another process is training; wait for its end or stop it"
            )
        with lock:
            yield

    def discard(self) -> None:
        """Remove a run that was refused before it had trained anything."""
        if not self.read_history():
            shutil.rmtree(self.path, ignore_errors=True)

    def check_resumable(self) -> None:
        """Refuse a run that would start again over what it has written, or that trains.

        Raises:
            UsageError: If it has trained and its checkpoint is gone.
            ValueError: If another process trains it.
        """
        if self.read_history() and not any(self.checkpoint.glob("*.npz")):
            raise UsageError(
                f"expected a run with a checkpoint, received {self.path}, which has "
                "trained and holds none any more; repeat it as a new run by --config "
                f"{self.settings_file}"
            )
        with self.alone():
            pass

    def write_settings(
        self, settings: Settings, defaults: Settings | None = None
    ) -> None:
        """Write `settings.yaml`, and `defaults.yaml` where the defaults are given.

        Args:
            settings: The resolved settings.
            defaults: What the same command does without flags.
        """
        for file, one in (
            (self.settings_file, settings),
            (self.path / "defaults.yaml", defaults),
        ):
            if one is not None:
                values = version.stamped(one.to_dict())
                text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
                write_text(file, text)

    def read_defaults(self) -> Settings:
        """Read `defaults.yaml` back; those of `Settings` for a run that has none."""
        file = self.path / "defaults.yaml"
        if file.is_file():
            return read_settings(file)
        return Settings(app=self.read_settings().app)

    def read_settings(self) -> Settings:
        """Read `settings.yaml` back.

        Raises:
            ValueError: If the folder is not a run directory.
        """
        return read_settings(self.settings_file)

    def write_json(self, name: str, value: Any) -> None:
        """Write a value as JSON; NaN and infinity, which JSON lacks, become null.

        Args:
            name: File name, such as `environment.json`.
            value: Anything made of plain values, arrays and dataclasses left out.
        """
        write_text(self.path / name, json_text(value))

    def read_json(self, name: str) -> dict[str, Any]:
        """Return what `write_json` wrote.

        Args:
            name: File name.
        """
        value: dict[str, Any] = json.loads(
            (self.path / name).read_text(encoding="utf-8")
        )
        return value

    def read_environment(self) -> dict[str, Any]:
        """Return what the run began on; nothing where it left no record of it."""
        name = "environment.json"
        return self.read_json(name) if (self.path / name).is_file() else {}

    def read_report(self) -> dict[str, Any]:
        """Return the figures of a finished run.

        Raises:
            ValueError: If the run has not been finished.
        """
        if not self.report_file.is_file() or not self.model_file.is_file():
            raise ValueError(
                f"expected a finished run with report.json and model.keras, received "
                f"{self.path}; finish it with --resume {self.path}"
            )
        return self.read_json(self.report_file.name)

    def write_history(self, history: Sequence[dict[str, float]]) -> None:
        """Write `history.csv`, a row for each epoch.

        Args:
            history: Values of each epoch by column name.
        """
        names = {name for row in history for name in row}
        columns = [name for name in FIRST_COLUMNS if name in names]
        columns += sorted(names - set(columns))
        write_table(self.path / "history.csv", columns, history)

    def read_history(self) -> list[dict[str, float]]:
        """Return the rows of `history.csv`; an empty list where there is none."""
        file = self.path / "history.csv"
        if not file.is_file():
            return []
        with file.open(newline="", encoding="utf-8") as stream:
            rows = [
                {key: float(value) for key, value in row.items() if value != ""}
                for row in csv.DictReader(stream)
            ]
        for row in rows:
            row["epoch"] = int(row["epoch"])
        return rows

    def write_rejected(self, rejected: Iterable[tuple[str, str]]) -> None:
        """Write `rejected_files.csv`: the files that were left out, and why.

        Args:
            rejected: Path and reason of each file.
        """
        rows = [{"path": path, "reason": reason} for path, reason in rejected]
        write_table(self.rejected_file, ["path", "reason"], rows)

    def write_split(self, split: SplitTable | None) -> None:
        """Write `split.csv`: which file is used for what.

        Args:
            split: The files; None where they did not come from files.
        """
        if split:
            # The very bytes: the names are looked up when the split is read.
            write_text(self.path / SPLIT_FILE, split.to_csv(), errors="surrogateescape")


def create(settings: Settings) -> RunDirectory:
    """Make the folder of a new run; an existing one is never touched.

    Args:
        settings: Says where (`runs`, `app`) and under which `name`; without a name
            the time of day is taken, and a number is added where that exists.

    Raises:
        ValueError: If a run of that name exists or the folder cannot be made.
    """
    parent = pathlib.Path(paths.local(settings.runs, "--runs")) / settings.app
    name = settings.name or datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    path = parent / name
    number = 1
    while True:
        try:
            path.mkdir(parents=True)
            return RunDirectory(path)
        except FileExistsError:
            if not path.is_dir() or not parent.is_dir():
                raise ValueError(
                    f"expected to make the folder {path}, but a file of that name is "
                    "in the way; give another --runs or --name"
                ) from None
            if settings.name:
                raise ValueError(
                    f"expected a new run directory, received {path}, which exists; "
                    f"give another --name, or continue it with --resume {path}"
                ) from None
            number += 1
            path = parent / f"{name}-{number}"
        except OSError as error:
            raise ValueError(
                f"expected to make the folder {path}, but {error.strerror}; "
                "give another --runs"
            ) from error


def open_run(path: str | os.PathLike[str]) -> RunDirectory:
    """Return an existing run directory.

    Args:
        path: The folder.

    Raises:
        ValueError: If it is not a run directory.
    """
    folder = pathlib.Path(paths.local(path, "the run directory"))
    if not (folder / "settings.yaml").is_file():
        found = "does not exist" if not folder.exists() else "holds no settings.yaml"
        raise UsageError(
            f"expected a run directory such as runs/cats_dogs/NAME, received {path}, "
            f"which {found}; a training prints its run directory as its last line"
        )
    return RunDirectory(folder)


def read_settings(file: pathlib.Path) -> Settings:
    """Read settings from a YAML file, which is data only: it can run no code.

    Args:
        file: The file.

    Raises:
        ValueError: If the file cannot be read or holds no settings.
    """
    values = yaml_files.read_yaml(str(file), "the settings of a run")
    return Settings.from_dict(values, where=str(file))
