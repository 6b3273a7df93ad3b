"""The gap budget as rows of bars, each with sign, direction and meaning in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasnorm.doctor.cells import PARTS
from kerasnorm.pages.formatting import decimal, signed

DECIMALS = 3
TOTALS = {
    "training loss": "as it was optimized (A)",
    "validation loss": "as seen (D)",
}
DIRECTIONS = {
    "worse": "\N{RIGHTWARDS ARROW} worse",
    "better": "\N{LEFTWARDS ARROW} better",
    "same": "no change",
}


@dataclass(frozen=True)
class Bar:
    """One row.

    Args:
        name: What is shown.
        meaning: The same in words.
        start: Loss at which the bar begins.
        end: Loss at which it ends.
        around: 95% interval of the part, None for totals and where it is unknown.
    """

    name: str
    meaning: str
    start: float
    end: float
    around: tuple[float, float] | None = None

    @property
    def kind(self) -> str:
        """`total`, or what the part does to validation: `worse`, `better`, `same`."""
        if self.name in TOTALS:
            return "total"
        change = round(self.end - self.start, DECIMALS)
        return "worse" if change > 0 else "better" if change < 0 else "same"

    @property
    def may_be_nothing(self) -> bool:
        """Whether the interval of a part holds 0."""
        return self.around is not None and self.around[0] <= 0 <= self.around[1]

    @property
    def value(self) -> str:
        """The loss, or the change and its direction."""
        if self.kind == "total":
            return decimal(self.end, DECIMALS)
        return f"{signed(self.end - self.start, DECIMALS)} {DIRECTIONS[self.kind]}"

    @property
    def interval(self) -> str:
        """The interval in words, empty without one."""
        if self.around is None:
            return ""
        low, high = (signed(limit, DECIMALS) for limit in self.around)
        return f"{low} to {high}{', may be 0' if self.may_be_nothing else ''}"

    @property
    def line(self) -> tuple[float, float] | None:
        """The losses between which the interval lies, None without one."""
        if self.around is None:
            return None
        return self.start + self.around[0], self.start + self.around[1]


def waterfall_rows(budget: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the way from the training loss to the validation loss, row by row.

    Args:
        budget: The values of `GapBudget.to_dict`.

    Returns:
        For each row its words, and bar and interval in percent of the width; none
        where a loss is not a finite number.
    """
    losses = [budget["training_loss"], budget["validation_loss"]]
    if None in losses or None in budget["parts"].values():
        return []
    bars = _bars(budget)
    reach = [end for bar in bars for end in (bar.start, bar.end, *(bar.line or ()))]
    low, high = min(0.0, *reach), max(reach)

    def place(value: float) -> float:
        return 100 * (value - low) / max(high - low, 1e-9)

    return [_row(bar, place) for bar in bars]


def _bars(budget: Mapping[str, Any]) -> list[Bar]:
    first, last = TOTALS
    at = budget["training_loss"]
    bars = [Bar(first, TOTALS[first], 0.0, at)]
    for name, value in budget["parts"].items():
        low, high = budget["intervals"][name]
        around = None if low is None or high is None else (low, high)
        bars.append(Bar(name, PARTS.get(name, ""), at, at + value, around))
        at += value
    return [*bars, Bar(last, TOTALS[last], 0.0, budget["validation_loss"])]


def _row(bar: Bar, place) -> dict[str, Any]:
    left, right = sorted((place(bar.start), place(bar.end)))
    # The tip shows the direction, so a short bar grows away from where it begins.
    is_better = bar.kind == "better"
    line = bar.line and (place(bar.line[0]), place(bar.line[1]) - place(bar.line[0]))
    return {
        "name": bar.name,
        "meaning": bar.meaning,
        "kind": bar.kind,
        "may_be_nothing": bar.may_be_nothing,
        "value": bar.value,
        "interval": bar.interval,
        "anchor": "right" if is_better else "left",
        "offset": 100 - right if is_better else left,
        "width": right - left,
        "line": line,
    }
