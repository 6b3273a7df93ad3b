"""What a study is: cells of a grid, each one training, and what is said of them."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerasnorm.studies.data import StudyData
from kerasnorm.training.settings import Settings

Row = dict[str, Any]
SCALES = ("tiny", "quick", "standard", "full")
# Where files lie decides nothing.
NOT_HASHED = ("app", "data", "runs", "cache", "cache_limit")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training of a study.

    Args:
        axes: What varies, by column of the results: `{"norm": "group", "batch": 2}`.
        settings: The settings of its training, seed and data among them.
        data: What the data are called in the results.
        after: A cell that is trained before, whose network this one starts from.
    """

    axes: Mapping[str, Any]
    settings: Settings
    data: str
    after: "Cell | None" = None

    @property
    def recipe(self) -> str:
        """Hash of all that decides the training; settings at their defaults do not."""
        usual = Settings().to_dict()
        changed = {
            name: value
            for name, value in self.settings.to_dict().items()
            if name not in NOT_HASHED and value != usual[name]
        }
        after = self.after and self.after.recipe
        text = json.dumps([self.data, after, changed], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """Name of its run directory."""
        words = [str(value).replace(" ", "_") for value in self.axes.values()]
        return "-".join([*words, f"seed{self.settings.seed}", self.recipe])

    @property
    def title(self) -> str:
        """What is trained, in words."""
        said = [f"{name} {value}" for name, value in self.axes.items()]
        return ", ".join([*said, f"seed {self.settings.seed}"])


@dataclasses.dataclass(frozen=True)
class Study:
    """A grid of trainings, and how its results are shown.

    Args:
        name: Module below `apps` and folder below `runs`.
        title: One line that says what is compared.
        scales: Seeds by scale; their keys are the scales that the study has.
        grid: The cells of a scale, from its name, the data and a seed.
        lines: Column whose values are lines of the figure.
        x: Column along the figure.
        sentences: What a user can act on, from the rows; they are of one data set.
        figure: Column that is compared, a fraction.
    """

    name: str
    title: str
    scales: Mapping[str, Sequence[int]]
    grid: Callable[[str, StudyData, int], list[Cell]]
    lines: str
    x: str
    sentences: Callable[[list[Row]], list[str]]
    figure: str = "accuracy"
