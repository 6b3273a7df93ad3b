"""An examination as one self-contained page, or as a section of another."""

import base64
import io
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jinja2
import markupsafe
import numpy as np
from PIL import Image

from kerasnorm.doctor.finding import CODES, HEALTHY, Finding
from kerasnorm.doctor.loss_matrix.budget import GapBudget
from kerasnorm.doctor.loss_matrix.matrix import CELLS
from kerasnorm.doctor.loss_matrix.scores import SAME_LOSS
from kerasnorm.doctor.report.page_templates import FINDING, PAGE, PART, SECTION, STYLE
from kerasnorm.doctor.report.waterfall import MINUS, draw_waterfall

if TYPE_CHECKING:
    from kerasnorm.doctor.examination import Examination

# Names of what is measured from 0 to 1 and read in percent.
FRACTIONS = "accuracy|confidence|fraction|guessing"
# The cells of both splits under the same statistics.
SPLITS = {
    "with the model's own statistics": ("B", "D"),
    "with exact statistics": ("B'", "D'"),
}


def render_html(
    examination: "Examination",
    fragment: bool = False,
    proof: Mapping[str, Any] | None = None,
) -> str:
    """Return the examination as HTML without anything to load.

    Args:
        examination: What to show.
        fragment: Whether to return only a `<section>`, whose styles touch nothing else.
        proof: What the remedy did if it was tried: `remedy`, `before` and `after` with
            `validation_loss` and `verdict`, and `repaired_model`.
    """
    budget = examination.budget
    section = _render(
        "section",
        e=examination,
        heading=not fragment,
        healthy=examination.verdict == HEALTHY,
        waterfall=_waterfall(budget) if budget is not None else "",
        splits=_splits(examination),
        cells=CELLS,
        columns=_score_columns(examination),
        proof=proof,
    )
    if fragment:
        return section
    return PAGE.format(verdict=examination.verdict, section=section)


def render_finding(finding: Finding) -> str:
    """Return one finding as HTML without anything to load.

    Args:
        finding: What to show.
    """
    return _render("part", f=finding)


def render_budget(budget: GapBudget) -> str:
    """Return the gap budget as HTML without anything to load.

    Args:
        budget: What to show.
    """
    return _render("part", f=None, waterfall=_waterfall(budget))


def _waterfall(budget: GapBudget) -> markupsafe.Markup:
    return markupsafe.Markup(draw_waterfall(budget))


def _render(name: str, **values: Any) -> str:
    templates = {"finding": FINDING, "section": SECTION, "part": PART}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(templates),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["number"] = _number
    environment.filters["png"] = _png
    environment.filters["loss"] = _loss
    environment.filters["percent"] = _percent
    environment.filters["measured"] = _measured
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    style = markupsafe.Markup(STYLE)
    text = environment.get_template(name).render(style=style, codes=CODES, **values)
    return text.strip()


def _splits(examination: "Examination") -> list[tuple[str, list]]:
    """Return loss and accuracy of training and validation, with their difference.

    Both splits run under the same statistics: first those of the model, then exact
    ones where they differ from it.
    """
    scores = examination.measurements.get("scores") or {}
    judged_by_another = _has_hard_label_loss(examination)
    tables = []
    for title, cells in SPLITS.items():
        losses = [examination.losses.get(cell) for cell in cells]
        if losses == [None, None]:
            continue
        found = [scores.get(cell, {}) for cell in cells]
        rows = [("loss", _row_of(losses, _loss))]
        if judged_by_another:
            hard = [values.get("hard_label_loss") for values in found]
            rows.append(("hard-label loss", _row_of(hard, _loss)))
        accuracy = [values.get("accuracy") for values in found]
        if accuracy != [None, None]:
            rows.append(("accuracy", _row_of(accuracy, _percent, " points")))
        tables.append((title, rows))
    return tables


def _has_hard_label_loss(examination: "Examination") -> bool:
    """Return whether the hard-label loss is another than the compiled one."""
    scores = examination.measurements.get("scores") or {}
    return any(
        cell in scores and abs(scores[cell]["hard_label_loss"] - loss) > SAME_LOSS
        for cell, loss in examination.losses.items()
    )


def _score_columns(examination: "Examination") -> list[tuple[str, dict[str, str]]]:
    """Return the columns of the loss matrix after the loss: title, and text by cell."""
    scores = examination.measurements.get("scores") or {}
    forms: dict[str, Any] = {"accuracy": _percent, "confidence": _percent}
    if _has_hard_label_loss(examination):
        forms = {"hard_label_loss": _loss, **forms}
    return [
        (
            name.replace("hard_label_", "hard-label "),
            {cell: form(values[name]) for cell, values in scores.items()},
        )
        for name, form in forms.items()
        if scores
    ]


def _row_of(values: list, form, unit: str = "") -> list[str]:
    """Return the values of both splits as text, and validation minus training."""
    change = "\N{EN DASH}"
    if None not in values:
        difference = values[1] - values[0]
        change = f"{100 * difference:+.1f}{unit}" if unit else f"{difference:+.4f}"
    return [form(value) for value in values] + [change.replace("-", MINUS)]


def _loss(value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.1%}"


def _png(image: np.ndarray) -> str:
    """Return an image as the address of itself: the page has nothing to load."""
    stream = io.BytesIO()
    Image.fromarray(image if image.shape[-1] == 3 else image[..., 0]).save(
        stream, "png"
    )
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def _measured(value, name: str) -> str:
    """Return one figure of the evidence, in the unit that its name says."""
    if isinstance(value, (list, tuple)):
        limits = len(value) == 2 and name.endswith("interval")
        parts = [_measured(item, name) for item in value[:12]]
        return (" to " if limits else ", ").join(parts)
    if isinstance(value, float) and re.search(FRACTIONS, name) and abs(value) <= 1:
        return _percent(value).replace("-", MINUS)
    return _number(value)


def _number(value) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not a number"}[value]
    if isinstance(value, float):
        if math.isnan(value):
            return "not a number"
        return f"{MINUS * (value < 0)}{abs(value):.4g}"
    return str(value)
