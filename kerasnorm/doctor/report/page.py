"""An examination as one self-contained page, or as a section of another."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from kerasnorm.codes import CODES, HEALTHY
from kerasnorm.doctor.cells import CELLS, Cell
from kerasnorm.doctor.report.waterfall import waterfall_rows
from kerasnorm.pages.formatting import ABSENT, loss, measured, percent, signed, words
from kerasnorm.pages.template import page_template

Formatter = Callable[[Any], str]
# The cells of both splits under the same statistics.
SPLITS = {
    "with the model's own statistics": (Cell.TRAIN_MOVING, Cell.VALIDATION_MOVING),
    "with exact statistics": (Cell.TRAIN_RECALIBRATED, Cell.VALIDATION_RECALIBRATED),
}
# Losses that differ by less are not worth a column of their own.
SAME_LOSS = 1e-3


def render_page(
    examination: Mapping[str, Any],
    fragment: bool = False,
    proof: Mapping[str, Any] | None = None,
) -> str:
    """Return an examination as HTML without anything to load.

    Args:
        examination: The values of `Examination.to_dict`; each finding may hold
            `images`, pairs of a caption and a `data:` address.
        fragment: Whether to return only a `<section>`, whose styles touch nothing else.
        proof: What the remedy did if it was tried: `remedy`, `before` and `after` with
            `validation_loss` and `verdict`, and `repaired_model`.
    """
    budget = examination["budget"]
    return _render(
        "section" if fragment else "page",
        e=examination,
        heading=not fragment,
        is_healthy=examination["verdict"] == HEALTHY,
        waterfall=waterfall_rows(budget) if budget is not None else [],
        splits=_splits(examination),
        cells=CELLS,
        columns=_score_columns(examination),
        proof=proof,
    )


def render_finding(finding: Mapping[str, Any]) -> str:
    """Return one finding as HTML without anything to load.

    Args:
        finding: The values of `Finding.to_dict`, and `images` as for `render_page`.
    """
    return _render("part", finding=finding)


def render_budget(budget: Mapping[str, Any]) -> str:
    """Return the gap budget as HTML without anything to load.

    Args:
        budget: The values of `GapBudget.to_dict`.
    """
    return _render("part", finding=None, waterfall=waterfall_rows(budget))


def _render(name: str, **values: Any) -> str:
    return _template(f"{name}.html.jinja").render(codes=CODES, **values).strip()


@functools.cache
def _template(name: str) -> jinja2.Template:
    filters: dict[str, Callable[..., str]] = {
        "loss": loss,
        "measured": measured,
        "words": words,
    }
    return page_template("kerasnorm.doctor.report", name, filters)


def _splits(examination: Mapping[str, Any]) -> list[tuple[str, list]]:
    """Return loss and accuracy of training and validation, with their difference.

    Both splits run under the same statistics: first those of the model, then exact
    ones where they differ from it.
    """
    scores = examination["measurements"].get("scores") or {}
    judged_by_another = has_hard_label_loss(examination)
    tables = []
    for title, cells in SPLITS.items():
        if not any(cell in examination["losses"] for cell in cells):
            continue
        losses = [_loss_of(examination, cell) for cell in cells]
        found = [scores.get(cell, {}) for cell in cells]
        rows = [("loss", _row_of(losses, loss))]
        if judged_by_another:
            hard = [values.get("hard_label_loss") for values in found]
            rows.append(("hard-label loss", _row_of(hard, loss)))
        accuracy = [values.get("accuracy") for values in found]
        if accuracy != [None, None]:
            rows.append(("accuracy", _row_of(accuracy, percent)))
        tables.append((title, rows))
    return tables


def _row_of(values: list[float | None], form: Formatter) -> list[str]:
    """Return the values of both splits as text, and validation minus training."""
    train, validation = values
    change = ABSENT
    if train is not None and validation is not None:
        change = signed(validation - train)
        if form is percent:
            change = f"{signed(100 * (validation - train), 1)} points"
    return [*(ABSENT if value is None else form(value) for value in values), change]


def _loss_of(examination: Mapping[str, Any], cell: Cell) -> float | None:
    """Return the loss of a cell, NaN where it was no number, None if unmeasured."""
    value = examination["losses"].get(cell)
    return math.nan if value is None and cell in examination["losses"] else value


def has_hard_label_loss(examination: Mapping[str, Any]) -> bool:
    """Return whether the hard-label loss is another than the compiled one.

    Args:
        examination: The values of `Examination.to_dict`.
    """
    scores = examination["measurements"].get("scores") or {}
    return any(
        cell in scores
        and None not in (value, scores[cell]["hard_label_loss"])
        and abs(scores[cell]["hard_label_loss"] - value) > SAME_LOSS
        for cell, value in examination["losses"].items()
    )


def _score_columns(
    examination: Mapping[str, Any],
) -> list[tuple[str, dict[str, str]]]:
    """Return the columns of the loss matrix after the loss: title, and text by cell."""
    scores = examination["measurements"].get("scores") or {}
    forms: dict[str, Formatter] = {"accuracy": percent, "confidence": percent}
    if has_hard_label_loss(examination):
        forms = {"hard_label_loss": loss, **forms}
    return [
        (
            name.replace("hard_label_", "hard-label "),
            {cell: form(values[name]) for cell, values in scores.items()},
        )
        for name, form in forms.items()
        if scores
    ]
