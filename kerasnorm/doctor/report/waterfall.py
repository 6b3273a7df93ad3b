"""The gap budget as rows of bars, each with sign, direction and meaning in words."""

import math
from dataclasses import dataclass
from html import escape

from kerasnorm.doctor.loss_matrix.budget import PARTS, GapBudget

MINUS = "\N{MINUS SIGN}"
TOTALS = {
    "training loss": "as it was optimized (A)",
    "validation loss": "as seen (D)",
}
LEGEND = (
    "Each bar begins where the one above it ends. "
    '<span class="kn-worse">\N{RIGHTWARDS ARROW} raises the validation loss: worse.'
    '</span> <span class="kn-better">\N{LEFTWARDS ARROW} lowers it: better.</span> '
    "The thin line is the 95% interval of a part."
)
STYLE = """
.kn-doctor .kn-budget{display:grid;gap:.55rem;margin:.6rem 0}
.kn-doctor .kn-part{display:grid;grid-template-columns:15rem minmax(0,1fr) 10rem;
gap:.1rem 1rem;align-items:center}
.kn-doctor .kn-part small{display:block;color:var(--dim);font-size:.8rem;
line-height:1.3}
.kn-doctor .kn-track{position:relative;height:1.5rem;
background:color-mix(in srgb,var(--line) 45%,transparent)}
.kn-doctor .kn-bar{position:absolute;top:.15rem;bottom:.15rem;min-width:9px}
.kn-doctor .kn-total .kn-bar{background:var(--total)}
.kn-doctor .kn-same .kn-bar{background:var(--dim);min-width:2px}
.kn-doctor .kn-worse .kn-bar{background:var(--up);clip-path:polygon(0 0,
calc(100% - 8px) 0,100% 50%,calc(100% - 8px) 100%,0 100%)}
.kn-doctor .kn-better .kn-bar{background:var(--down);clip-path:polygon(8px 0,
100% 0,100% 100%,8px 100%,0 50%)}
.kn-doctor .kn-unsure .kn-bar{opacity:.45}
.kn-doctor .kn-range{position:absolute;top:50%;height:0;
border-top:1px solid var(--ink)}
.kn-doctor .kn-value{font-variant-numeric:tabular-nums;font-weight:600}
.kn-doctor .kn-worse .kn-value,.kn-doctor span.kn-worse{color:var(--bad)}
.kn-doctor .kn-better .kn-value,.kn-doctor span.kn-better{color:var(--good)}
@media (max-width:640px){
.kn-doctor .kn-part{grid-template-columns:minmax(0,1fr) auto}
.kn-doctor .kn-track{grid-row:2;grid-column:1/-1;height:1.2rem}
.kn-doctor .kn-value{text-align:right}}
"""


@dataclass(frozen=True)
class Bar:
    """One row.

    Args:
        name: What is shown.
        meaning: The same in words.
        start: Loss at which the bar begins.
        end: Loss at which it ends.
        interval: 95% interval of the part, None for totals and where it is unknown.
    """

    name: str
    meaning: str
    start: float
    end: float
    interval: tuple[float, float] | None = None

    @property
    def kind(self) -> str:
        """`total`, or what the part does to validation: `worse`, `better`, `same`."""
        if self.name in TOTALS:
            return "total"
        change = round(self.end - self.start, 3)
        return "worse" if change > 0 else "better" if change < 0 else "same"

    @property
    def may_be_nothing(self) -> bool:
        """Whether the interval of a part holds 0."""
        return self.interval is not None and self.interval[0] <= 0 <= self.interval[1]

    @property
    def reach(self) -> tuple[float, ...]:
        """Every loss that the row marks."""
        around = self.interval or ()
        return self.start, self.end, *(self.start + offset for offset in around)


def draw_waterfall(budget: GapBudget) -> str:
    """Draw the way from the training loss to the validation loss.

    Args:
        budget: The gap in its parts.

    Returns:
        HTML whose text keeps its size on narrow screens; empty where a loss is not a
        finite number.
    """
    values = [budget.training_loss, *budget.values(), budget.validation_loss]
    if not all(math.isfinite(value) for value in values):
        return ""
    bars = _bars(budget)
    reach = [value for bar in bars for value in bar.reach]
    low, high = min(0.0, *reach), max(reach)

    def place(value: float) -> float:
        return 100 * (value - low) / max(high - low, 1e-9)

    rows = "".join(_row(bar, place) for bar in bars)
    return (
        f'<p class="kn-dim">{LEGEND}</p><div class="kn-budget" role="list">{rows}</div>'
    )


def _bars(budget: GapBudget) -> list[Bar]:
    first, last = TOTALS
    at = budget.training_loss
    bars = [Bar(first, TOTALS[first], 0.0, at)]
    for name, value in budget.items():
        around = budget.intervals[name]
        known = all(math.isfinite(limit) for limit in around)
        meaning = PARTS.get(name, "")
        bars.append(Bar(name, meaning, at, at + value, around if known else None))
        at += value
    return [*bars, Bar(last, TOTALS[last], 0.0, budget.validation_loss)]


def _row(bar: Bar, place) -> str:
    left, right = sorted((place(bar.start), place(bar.end)))
    # The tip shows the direction, so a short bar grows away from where it begins.
    side = f"right:{100 - right:.2f}%" if bar.kind == "better" else f"left:{left:.2f}%"
    line, unsure = "", " kn-unsure" * bar.may_be_nothing
    if bar.interval is not None:
        low, high = (place(bar.start + value) for value in bar.interval)
        line = (
            f'<span class="kn-range" style="left:{low:.2f}%;'
            f'width:{high - low:.2f}%"></span>'
        )
    return (
        f'<div class="kn-part kn-{bar.kind}{unsure}" role="listitem"><div>'
        f"{escape(bar.name.replace('_', ' '))}"
        f'<small>{escape(bar.meaning)}</small></div><div class="kn-track">'
        f'<span class="kn-bar" style="{side};width:{right - left:.2f}%"></span>{line}'
        f'</div><div class="kn-value">{_value(bar)}</div></div>'
    )


def _value(bar: Bar) -> str:
    if bar.kind == "total":
        return f"{bar.end:.3f}".replace("-", MINUS)
    words = {
        "worse": " \N{RIGHTWARDS ARROW} worse",
        "better": " \N{LEFTWARDS ARROW} better",
        "same": " no change",
    }[bar.kind]
    text = _signed(bar.end - bar.start) + words
    if bar.interval is None:
        return text
    low, high = bar.interval
    unsure = ", may be 0" if bar.may_be_nothing else ""
    return f"{text}<small>{_signed(low)} to {_signed(high)}{unsure}</small>"


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", MINUS)
