"""What a search looks for: figures of a run's report, one or two of them."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from kerasnorm.training.settings.errors import UsageError

# Keras' names of what the report of a run calls otherwise.
REPORT_NAMES = {
    "val_loss": "validation_loss",
    "val_accuracy": "validation_accuracy",
    "loss": "train_loss",
    "accuracy": "train_accuracy",
}
# Columns of the history that tell an early epoch's figure from a late one's.
CURVES = ("val_loss", "val_accuracy", "loss", "accuracy")
PLAIN = ("seconds", "images_per_second", "parameters", "epochs", "best_epoch")
GAP_PARTS = ("gap", "batch_noise", "generalization", "input_shift", "stale_statistics")
BIGGER_IS_BETTER = (
    "val_accuracy",
    "accuracy",
    "validation_accuracy",
    "train_accuracy",
    "images_per_second",
)
DIRECTIONS = ("min", "max")


@dataclasses.dataclass(frozen=True)
class Objective:
    """One figure and the direction in which it is better.

    Args:
        name: A figure of the report; `gap` or one of its parts as the doctor
            measures them; or Keras' name of a loss or an accuracy.
        direction: `min` or `max`.
    """

    name: str
    direction: str

    @property
    def needs_examination(self) -> bool:
        """Whether the doctor has to examine every trial."""
        return self.name in GAP_PARTS

    @property
    def curve(self) -> str | None:
        """Column of the history that shows it epoch by epoch; None for none."""
        keras_names = {report: keras for keras, report in REPORT_NAMES.items()}
        name = keras_names.get(self.name, self.name)
        return name if name in CURVES else None

    def of_report(self, report: Mapping[str, Any]) -> float:
        """Return the figure of a finished run.

        Args:
            report: Content of its `report.json`.

        Returns:
            A number; NaN where the report has none.
        """
        value = report.get(REPORT_NAMES.get(self.name, self.name))
        if self.needs_examination:
            budget = (report.get("examination") or {}).get("budget") or {}
            parts = budget.get("parts") or {}
            # Without norms that depend on the batch only one part is not 0.
            value = budget.get("gap") if self.name == "gap" else parts.get(self.name, 0)
            value = value if budget else None
        return math.nan if value is None else float(value)

    def is_better(self, one: float, other: float) -> bool:
        """Say whether one value is better than another.

        Args:
            one: A number.
            other: Another.
        """
        return one < other if self.direction == "min" else one > other


def parse(words: Sequence[str]) -> tuple[Objective, ...]:
    """Make objectives from their names.

    Args:
        words: Names, each with `:min` or `:max` behind it where the usual direction
            is not wanted.

    Raises:
        UsageError: If a figure is unknown, or there are more than two.

    Example:
        >>> parse(["val_accuracy", "parameters"])[1].direction
        'min'
    """
    if not 1 <= len(words) <= 2 or len(set(words)) < len(words):
        raise UsageError(
            f"expected one or two different --objective, received {', '.join(words)}"
        )
    known = (*REPORT_NAMES, *REPORT_NAMES.values(), *PLAIN, *GAP_PARTS)
    found = []
    for word in words:
        name, _, direction = word.partition(":")
        if name not in known or direction not in ("", *DIRECTIONS):
            raise UsageError(
                f"expected --objective to be one of {', '.join(known)}, perhaps with "
                f":min or :max behind it, received {word!r}"
            )
        usual = "max" if name in BIGGER_IS_BETTER else "min"
        found.append(Objective(name, direction or usual))
    return tuple(found)


def fronts(
    points: Sequence[Sequence[float]], objectives: Sequence[Objective]
) -> list[int]:
    """Return the Pareto front each point is on.

    A point of front 1 is beaten by none: no other is at least as good in all
    objectives and better in one. Front 2 is what would be front 1 without front 1,
    and so on.

    Args:
        points: A value for each objective, per point.
        objectives: Which way is better.

    Reference:
        Deb et al. 2002, A fast and elitist multiobjective genetic algorithm: NSGA-II.
    """
    signs = [1 if objective.direction == "min" else -1 for objective in objectives]
    costs = [[s * v for s, v in zip(signs, p, strict=True)] for p in points]
    result = [0] * len(points)
    front, left = 0, set(range(len(points)))
    while left:
        front += 1
        best = {i for i in left if not any(_beats(costs[j], costs[i]) for j in left)}
        for index in best:
            result[index] = front
        left -= best
    return result


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
