"""Turns the record of a search into `search.html`, one file that needs no other."""

from collections.abc import Callable, Mapping
from typing import Any

import jinja2
import markupsafe

from kerasnorm.pages.formatting import duration, number, percent
from kerasnorm.pages.template import page_template
from kerasnorm.programs import module_of
from kerasnorm.version import __version__

from ..plan import Plan
from . import charts
from .importance import Importance

# With more letters a row of the table is wider than a screen.
MOST_LETTERS = 120
REMARK_LETTERS = 24


def render(
    plan: Plan,
    content: Mapping[str, Any],
    ranked: list[dict[str, Any]],
    curves: Mapping[str, list[tuple[float, float]]],
    curve_name: str,
    importance: Importance | None,
) -> str:
    """Return the whole page.

    Args:
        plan: The search.
        content: Content of `search.json`.
        ranked: Its trials, the best first.
        curves: Epoch and value, by trial id.
        curve_name: What the curves show.
        importance: How much each parameter decides; None for too few trials.
    """
    done = [trial for trial in ranked if trial["status"] == "completed"]
    parameters = plan.space.parameters
    axes = charts.parallel_axes(parameters, plan.objectives, done)
    remarks = any(map(_has_remark, ranked))
    names = [parameter.name for parameter in parameters]
    if importance is not None:
        names.sort(key=lambda name: -importance.shares.get(name, 0.0))
    # The worst is drawn first and the best on top of all.
    shades = {trial["id"]: _shade(i, len(done)) for i, trial in enumerate(done)}
    return _template().render(
        plan=plan,
        content=content,
        version=__version__,
        ranked=ranked,
        done=done,
        names=names,
        columns=_columns(plan, ranked, names, REMARK_LETTERS * remarks),
        axes=axes,
        lines=[
            (trial["id"], charts.parallel_line(axes, parameters, trial))
            for trial in reversed(done)
        ],
        shades=shades,
        curves=charts.learning_curves(curves),
        curve_name=curve_name,
        importance=importance,
        values_of=charts.values_of,
        parallel_width=charts.parallel_width(len(axes)),
        width=charts.WIDTH - charts.LEFT - charts.RIGHT,
        has_remarks=remarks,
        height=charts.HEIGHT,
        top=charts.TOP,
        bottom=charts.HEIGHT - charts.BOTTOM,
        left=charts.LEFT,
    )


def _columns(
    plan: Plan, ranked: list[dict[str, Any]], names: list[str], letters: int
) -> int:
    """Return how many parameters have a column of the table; the rest is folded.

    Args:
        plan: The search.
        ranked: Its trials.
        names: The parameters, those of the first columns first.
        letters: Width of other columns.
    """
    letters += sum(len(objective.name) + 2 for objective in plan.objectives)
    letters += len("Front Trial Epochs 20 more ")
    for column, name in enumerate(names):
        shown = [_shown(trial["values"].get(name)) for trial in ranked]
        letters += max(map(len, (*name.split("_"), *shown))) + 2
        if letters > MOST_LETTERS:
            return column
    return len(names)


def _has_remark(trial: Mapping[str, Any]) -> bool:
    return bool(trial["reason"] or trial["ended_by_median_rule"] or trial["remarks"])


def _shade(place: int, places: int) -> int:
    return round(100 * (1 - place / max(places - 1, 1)))


def _shown(value: Any) -> str:
    if value is None:
        return "\N{EN DASH}"
    return number(value) if isinstance(value, float) else str(value)


def _breakable(name: str) -> markupsafe.Markup:
    """Return a name that may be broken behind its underscores."""
    return markupsafe.Markup("_<wbr>").join(name.split("_"))


def _template() -> jinja2.Template:
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "shown": _shown,
        "duration": duration,
        "breakable": _breakable,
    }
    return page_template(module_of("tuning"), "search.html.jinja", filters)
