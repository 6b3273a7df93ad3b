"""The gap budget as a waterfall, an inline SVG."""

import math
from html import escape

from kerasnorm.doctor.budget import PARTS, GapBudget

WIDTH, ROW, LEFT, RIGHT = 760, 34, 170, 150


def draw_waterfall(budget: GapBudget) -> str:
    """Draw the way from the training loss to the validation loss.

    Args:
        budget: The gap in its parts.

    Returns:
        An `<svg>` element, empty text where a loss is not a finite number.
    """
    values = [budget.training_loss, *budget.values(), budget.validation_loss]
    if not all(math.isfinite(value) for value in values):
        return ""
    bars = _bars(budget)
    edges = [edge for _, low, high, *_ in bars for edge in (low, high)]
    edges += [
        start + offset for _, start, _, _, around in bars if around for offset in around
    ]
    low, high = min(0.0, *edges), max(edges)
    scale = (WIDTH - LEFT - RIGHT) / max(high - low, 1e-9)

    def x(value: float) -> float:
        return LEFT + (value - low) * scale

    height = ROW * len(bars) + 8
    rows = [_row(i, bar, x, last=i == len(bars) - 1) for i, bar in enumerate(bars)]
    label = (
        f"Training loss {budget.training_loss:.3f}, "
        + ", ".join(f"{name} {value:+.3f}" for name, value in budget.items())
        + f", validation loss {budget.validation_loss:.3f}"
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(rows)}</svg>'
    )


def _bars(budget: GapBudget) -> list[tuple]:
    """Return name, start, end, kind and interval around the start of each bar."""
    bars: list[tuple] = [("training loss", 0.0, budget.training_loss, "total", None)]
    at = budget.training_loss
    for name, value in budget.items():
        kind = "up" if value > 0 else "down"
        around = budget.intervals[name]
        known = all(math.isfinite(limit) for limit in around)
        bars.append((name, at, at + value, kind, around if known else None))
        at += value
    bars.append(("validation loss", 0.0, budget.validation_loss, "total", None))
    return bars


def _row(number: int, bar: tuple, x, *, last: bool) -> str:
    name, start, end, kind, around = bar
    top = number * ROW + 6
    left, width = min(x(start), x(end)), max(abs(x(end) - x(start)), 1.0)
    middle = top + 11
    text = f"{end:.3f}" if kind == "total" else f"{end - start:+.3f}"
    right_end = left + width
    parts = [
        f'<text x="{LEFT - 10}" y="{middle + 5}" text-anchor="end">'
        f"<title>{escape(PARTS.get(name, name))}</title>"
        f"{escape(name.replace('_', ' '))}</text>",
        f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="22" rx="2" '
        f'style="fill:var(--{kind})"/>',
    ]
    if around is not None:
        low, high = (x(start + value) for value in around)
        right_end = max(right_end, high)
        parts.append(
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10'
            f'M{high:.1f} {middle - 5}v10" style="stroke:var(--ink);fill:none"/>'
        )
    parts.append(f'<text x="{right_end + 8:.1f}" y="{middle + 5}">{text}</text>')
    if not last:
        parts.append(
            f'<path d="M{x(end):.1f} {top + 22}v{ROW - 22}" '
            'style="stroke:var(--dim);stroke-dasharray:2 2;fill:none"/>'
        )
    return "".join(parts)
