"""Turns the record of a run into the HTML of its report."""

import functools
import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
import markupsafe
import numpy as np

from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.pages.formatting import (
    ABSENT,
    below_common_folder,
    duration,
    finite,
    flatten,
    number,
    percent,
    short_count,
    thumbnail,
)
from kerasnorm.pages.template import page_template
from kerasnorm.training.report import confusion, curves
from kerasnorm.training.report.report_record import RunRecord
from kerasnorm.version import __version__

MISTAKES_SHOWN = 24
REJECTED_SHOWN = 20
# Above this a matrix has more cells than a screen has room for.
MATRIX_CLASSES = 100
# Names by which other libraries mean other things.
MEANINGS = {
    ("norm", name): f"{name} ({NORM_KINDS[name].help})"
    for name in ("layer", "layer_channels")
}
HISTORY_COLUMNS = {
    "epoch": "Epoch",
    "loss": "Training loss",
    "val_loss": "Validation loss",
    "accuracy": "Training accuracy",
    "val_accuracy": "Validation accuracy",
    "learning_rate": "Learning rate",
    "seconds": "Seconds",
    "images_per_second": "Images per second",
}


def render(record: RunRecord) -> str:
    """Return the whole page.

    All that comes from outside (names, settings, reasons) is escaped; only the
    doctor's fragment goes in as it is.

    Args:
        record: What is shown.
    """
    counts = np.asarray(record.confusion)
    total, right = int(counts.sum()), int(np.trace(counts))
    rejected_root, rejected = below_common_folder(record.rejected)
    return _template().render(
        record=record,
        version=__version__,
        tiles=tiles(record),
        notices=notices(record),
        charts=curves.draw_charts(record.history, record.summary.get("best_epoch")),
        history_columns=_history_columns(record.history),
        begins_with_head=bool(
            record.settings.get("weights") and record.settings.get("head_first")
        ),
        counts=counts if len(counts) <= MATRIX_CLASSES else None,
        shades=confusion.shades(counts),
        classes=confusion.class_figures(counts, record.class_names),
        pairs=confusion.confused_pairs(counts, record.class_names),
        total=total,
        wrong=total - right,
        most_frequent=counts.sum(axis=1).max() / total if total else math.nan,
        mistakes=record.mistakes[:MISTAKES_SHOWN],
        right=record.right,
        explained=any(
            one.explanation is not None for one in (*record.mistakes, *record.right)
        ),
        rejected=rejected,
        rejected_root=rejected_root,
        rejected_shown=REJECTED_SHOWN,
        reasons=Counter(reason for _, reason in record.rejected).most_common(6),
        settings=settings_rows(record.settings, record.default_settings),
        facts=flatten(record.environment),
        examination=record.examination_html
        and markupsafe.Markup(record.examination_html),
    )


def tiles(record: RunRecord) -> list[tuple[str, str, list[str]]]:
    """Return the headline figures as name, value and remarks.

    Args:
        record: What is shown.
    """
    summary = record.summary
    total = int(np.sum(record.confusion))
    accuracy = finite(summary.get("validation_accuracy"))
    certainty = []
    if accuracy is not None and total:
        low, high = confusion.wilson_interval(accuracy, total)
        certainty.append(
            f"95% interval {low * 100:.1f} to {percent(high)}, n = {total:,}"
        )
    return [
        (
            "Validation accuracy",
            percent(accuracy),
            certainty
            + _of_training(summary.get("train_accuracy"), percent)
            + (["mirror images averaged"] if summary.get("average_mirrored") else []),
        ),
        (
            "Validation loss",
            number(summary.get("validation_loss")),
            _of_training(summary.get("train_loss"), number),
        ),
        (
            "Best epoch",
            str(summary.get("best_epoch") or "none"),
            [f"of {summary.get('epochs') or len(record.history)} trained"],
        ),
        *_test_tile(summary),
        ("Time", duration(summary.get("seconds")), []),
        (
            "Images per second",
            number(summary.get("images_per_second"), digits=3),
            ["while training"],
        ),
        ("Parameters", *_parameters(summary.get("parameters"))),
    ]


def _test_tile(summary: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    if "test_accuracy" not in summary:
        return []
    low, high = summary["test_accuracy_interval"]
    samples = summary["test_samples"]
    return [
        (
            "Test accuracy",
            percent(summary["test_accuracy"]),
            [
                f"95% interval {low * 100:.1f} to {percent(high)}, n = {samples:,}",
                f"loss {number(summary['test_loss'])}; seen once, after training",
            ],
        )
    ]


def notices(record: RunRecord) -> list[str]:
    """Return what a reader must know before trusting the figures.

    Args:
        record: What is shown.
    """
    sentences = []
    for name in ("loss", "val_loss"):
        broken = [
            int(row.get("epoch", place))
            for place, row in enumerate(record.history, start=1)
            if row.get(name) is not None and finite(row[name]) is None
        ]
        if broken:
            sentences.append(
                f"{HISTORY_COLUMNS[name]} was not a finite number in {len(broken)} of "
                f"{len(record.history)} epochs, first in epoch {broken[0]}."
            )
    return sentences


def settings_rows(
    settings: Mapping[str, Any], defaults: Mapping[str, Any] | None
) -> list[tuple[str, str, str | None]]:
    """Return settings as name, value and default, those that differ first.

    Args:
        settings: Resolved settings.
        defaults: Settings to compare with; None for no comparison.

    Returns:
        The default is None where it is equal or not known.
    """
    usual = None if defaults is None else dict(flatten(defaults))
    rows = []
    for name, value in flatten(settings):
        default = value if usual is None else usual.get(name, ABSENT)
        shown = MEANINGS.get((name, value), value)
        rows.append((name, shown, default if default != value else None))
    return sorted(rows, key=lambda row: row[2] is None)


@functools.cache
def _template() -> jinja2.Template:
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "number": number,
        "thumbnail": thumbnail,
        "last_part": lambda path: os.path.basename(path) or path,
        "folder": lambda path: os.path.join(os.path.dirname(path), ""),
    }
    return page_template("kerasnorm.training.report", "report.html.jinja", filters)


def _history_columns(history: Sequence[Mapping[str, float]]) -> dict[str, str]:
    present = {name for row in history for name in row}
    return {key: label for key, label in HISTORY_COLUMNS.items() if key in present}


def _of_training(value: float | None, say: Callable[[float | None], str]) -> list[str]:
    return [] if value is None else [f"training {say(value)}"]


def _parameters(count: int | None) -> tuple[str, list[str]]:
    if count is None:
        return ABSENT, []
    return short_count(count), [] if count < 1000 else [f"{count:,}"]
