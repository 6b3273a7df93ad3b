"""Where the lines of the search page go: parallel coordinates and learning curves."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib import ticker

from kerasnorm.pages.formatting import number

from ..objectives import Objective
from ..parameters import Choice, Parameter, Range

WIDTH, HEIGHT = 1100.0, 320.0
# Room of one vertical axis, so that names and marks do not lie over each other.
AXIS_WIDTH = 110.0
TOP, BOTTOM, LEFT, RIGHT = 34.0, 26.0, 60.0, 70.0
TICKS = 5


@dataclasses.dataclass(frozen=True)
class Axis:
    """One vertical axis.

    Args:
        name: What it shows.
        x: Where it stands, in units of the drawing.
        ticks: Height and label of each mark.
        place: Height of a value.
    """

    name: str
    x: float
    ticks: tuple[tuple[float, str], ...]
    place: Callable[[Any], float]


def parallel_width(count: int) -> float:
    """Return the width of a drawing with so many axes.

    Args:
        count: Number of axes.
    """
    return max(WIDTH, LEFT + RIGHT + AXIS_WIDTH * (count - 1))


def parallel_axes(
    parameters: Sequence[Parameter],
    objectives: Sequence[Objective],
    trials: Sequence[Mapping[str, Any]],
) -> list[Axis]:
    """Return an axis for each parameter and, at the right, each objective.

    Args:
        parameters: What was searched.
        objectives: What was looked for.
        trials: Completed trials.
    """
    count = len(parameters) + len(objectives)
    step = (parallel_width(count) - LEFT - RIGHT) / max(count - 1, 1)
    axes = []
    for place, parameter in enumerate(parameters):
        x = LEFT + place * step
        if isinstance(parameter, Choice):
            axes.append(_choice_axis(parameter, x))
        else:
            axes.append(_range_axis(parameter, x))
    for place, objective in enumerate(objectives, len(parameters)):
        column = [values_of(trial)[place - len(parameters)] for trial in trials]
        low, high = (min(column), max(column)) if column else (0.0, 1.0)
        shown = Range(objective.name, low, _above(low, high))
        axes.append(_range_axis(shown, LEFT + place * step))
    return axes


def parallel_line(
    axes: Sequence[Axis],
    parameters: Sequence[Parameter],
    trial: Mapping[str, Any],
) -> str:
    """Return the points of one trial's line for an SVG `polyline`.

    Args:
        axes: The axes.
        parameters: What was searched.
        trial: A completed trial.
    """
    values = [trial["values"].get(parameter.name) for parameter in parameters]
    points = zip(axes, [*values, *values_of(trial)], strict=True)
    return " ".join(f"{axis.x:.1f},{axis.place(value):.1f}" for axis, value in points)


def values_of(trial: Mapping[str, Any]) -> list[float]:
    """Return the values of the objectives of a completed trial.

    Args:
        trial: The trial.
    """
    value = trial["objective"]
    return value if isinstance(value, list) else [value]


@dataclasses.dataclass(frozen=True)
class Curves:
    """Learning curves on common axes.

    Args:
        lines: Points of each trial's line, by trial id.
        across: Place and label of the marks of the horizontal axis.
        up: Height and label of the marks of the vertical axis.
    """

    lines: dict[str, str]
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]


def learning_curves(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Curves:
    """Return where learning curves go.

    Args:
        curves: Epoch, counted from 1, and value, by trial id.
    """
    points = [p for curve in curves.values() for p in curve if math.isfinite(p[1])]
    last = max((epoch for epoch, _ in points), default=1.0)
    values = sorted(value for _, value in points) or [0.0, 1.0]
    # One exploding trial would leave a flat line of all the others.
    high = min(values[-1], 4 * values[len(values) // 2] - 3 * values[0])
    low = values[0]
    high = _above(low, high)
    shown = Range("", low, high)
    axis = _range_axis(shown, LEFT)

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / max(last - 1, 1) * (WIDTH - LEFT - RIGHT)

    lines = {
        trial: " ".join(
            f"{x(epoch):.1f},{axis.place(min(value, high)):.1f}"
            for epoch, value in curve
            if math.isfinite(value)
        )
        for trial, curve in curves.items()
    }
    every = max(round(last / 8), 1)
    marks = tuple((x(e), str(e)) for e in range(1, int(last) + 1, every))
    return Curves(lines, marks, axis.ticks)


def tick_labels(values: Sequence[float]) -> list[str]:
    """Return numbers with as few digits as tell them apart.

    Args:
        values: Different numbers in their order.
    """
    labels: list[str] = []
    for digits in range(2, 18):
        for form in (number, lambda value, digits: f"{value:.{digits}g}"):
            labels = [form(value, digits) for value in values]
            if len(set(labels)) == len(values):
                return labels
    return labels


def round_marks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Return round numbers at equal distances, and all with the same decimals.

    Args:
        low: Least of them.
        high: Greatest of them, above `low`.
    """
    edges = ticker.MaxNLocator(TICKS, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    slack = (high - low) * 1e-6
    values = [float(v) for v in edges if low - slack <= v <= high + slack]
    for decimals in range(12):
        near = [abs(round(value, decimals) - value) < slack for value in values]
        if all(near) and max(abs(low), abs(high)) < 1e6:
            return values, [f"{value:.{decimals}f}" for value in values]
    return values, tick_labels(values)


def _above(low: float, high: float) -> float:
    """Return a limit that is really above the other one."""
    least = max(abs(low), 1.0) * 1e-9
    return high if high - low > least else low + max(abs(low), 1.0)


def _choice_axis(parameter: Choice, x: float) -> Axis:
    span = HEIGHT - TOP - BOTTOM
    most = max(len(parameter.values) - 1, 1)
    heights = {v: TOP + i * span / most for i, v in enumerate(parameter.values)}

    def place(value: Any) -> float:
        # A parameter without a meaning in a trial passes below its axis.
        return heights.get(value, HEIGHT - BOTTOM / 3)

    ticks = tuple(
        (height, f"{value:g}" if isinstance(value, float) else str(value))
        for value, height in heights.items()
    )
    return Axis(parameter.name, x, ticks, place)


def _range_axis(parameter: Range, x: float) -> Axis:
    change: Callable[[float], float] = math.log if parameter.log else float
    low, high = change(parameter.low), change(parameter.high)
    span = HEIGHT - TOP - BOTTOM

    def place(value: Any) -> float:
        if value is None:
            return HEIGHT - BOTTOM / 3
        return HEIGHT - BOTTOM - (change(value) - low) / (high - low) * span

    if parameter.log:
        marks = [low + i * (high - low) / (TICKS - 1) for i in range(TICKS)]
        values = [math.exp(mark) for mark in marks]
        labels = tick_labels(values)
    else:
        values, labels = round_marks(low, high)
    ticks = tuple(zip(map(place, values), labels, strict=True))
    return Axis(parameter.name, x, ticks, place)
