"""Draws the curves of a run: `curves.png`, and the charts inside the report."""

import dataclasses
import io
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

import markupsafe
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

History = Sequence[Mapping[str, float]]

# Colours of the light page. In the report each becomes the CSS variable of that
# name, so that the charts follow the colour scheme of the reader.
INK, LINE = "#111827", "#e5e7eb"
TRAIN, VALIDATION = "#2563eb", "#c2410c"
VARIABLES = {INK: "ink", LINE: "line", TRAIN: "train", VALIDATION: "validation"}
STYLE = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlesize": 11.0,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "svg.fonttype": "none",
}
# Above this ratio of largest to smallest loss a linear axis shows one spike and a
# flat line; it is what an exploding validation loss looks like.
LOG_FROM_RATIO = 100.0
# Epochs up to which single points are marked.
MARKED_EPOCHS = 40


@dataclasses.dataclass(frozen=True)
class Panel:
    """One chart.

    Args:
        title: What it shows.
        lines: Column of the history and label of each line.
        may_be_log: Whether its axis turns logarithmic for a wide range.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    may_be_log: bool = False


PANELS = (
    Panel("Loss", (("loss", "training"), ("val_loss", "validation")), True),
    Panel("Accuracy", (("accuracy", "training"), ("val_accuracy", "validation"))),
    Panel("Learning rate", (("learning_rate", "learning rate"),)),
)


@dataclasses.dataclass(frozen=True)
class Chart:
    """One chart of the report.

    Args:
        title: What it shows.
        svg: An `<svg>` element; its text says in words what it shows.
    """

    title: str
    svg: markupsafe.Markup


def write_curves(
    history: History, best_epoch: int | None, path: str | os.PathLike[str]
) -> None:
    """Write loss, accuracy and learning rate over the epochs as a PNG image.

    A value that is missing leaves a gap, one that is not finite a cross at the foot
    of the chart. The file is replaced whole.

    Args:
        history: One dict per epoch; `epoch` counts from 1.
        best_epoch: Epoch that is marked, counted from 1; None for none.
        path: Output path of the image.

    Example:
        >>> write_curves([{"epoch": 1, "loss": 0.7}], 1, "curves.png")
    """
    path = pathlib.Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(13.5, 4.0))
        figure.subplots_adjust(left=0.04, right=0.985, bottom=0.12, top=0.83)
        canvas = FigureCanvasAgg(figure)
        for place, panel in enumerate(PANELS, start=1):
            axes = figure.add_subplot(1, len(PANELS), place)
            axes.set_title(panel.title, loc="left", fontweight="bold", pad=26)
            _draw(axes, panel, history, best_epoch)
        canvas.print_figure(aside, format="png", dpi=120)
    os.replace(aside, path)


def draw_charts(history: History, best_epoch: int | None) -> list[Chart]:
    """Return the charts of a run as SVG that follows the page's colours.

    A chart whose values are not in the history at all is left out.

    Args:
        history: One dict per epoch; `epoch` counts from 1.
        best_epoch: Epoch that is marked, counted from 1; None for none.
    """
    charts = []
    for panel in PANELS:
        if not any(name in row for row in history for name, _ in panel.lines):
            continue
        # The salt makes the names inside the drawing the same for the same run, and
        # different from those of the other charts of the page.
        with matplotlib.rc_context({**STYLE, "svg.hashsalt": panel.title}):
            figure = Figure(figsize=(4.1, 3.0))
            figure.subplots_adjust(left=0.15, right=0.98, bottom=0.16, top=0.9)
            canvas = FigureCanvasSVG(figure)
            axes = figure.add_subplot(facecolor="none")
            _draw(axes, panel, history, best_epoch)
            legend = axes.get_legend()
            if legend is not None:
                legend.set_bbox_to_anchor((0.0, 0.9), figure.transFigure)
            stream = io.StringIO()
            nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
            canvas.print_figure(
                stream, format="svg", facecolor="none", metadata=nothing
            )
        words = describe(panel, history)
        charts.append(Chart(panel.title, _for_page(stream.getvalue(), words)))
    return charts


def describe(panel: Panel, history: History) -> str:
    """Say in words what a chart shows, for those who cannot see it.

    Args:
        panel: The chart.
        history: One dict per epoch.
    """
    parts = []
    for name, label in panel.lines:
        values = _column(history, name)
        finite = values[np.isfinite(values)]
        if not finite.size:
            parts.append(f"{label}: no finite value")
        else:
            parts.append(
                f"{label}: {finite[0]:.4g} at first, {finite[-1]:.4g} at last, "
                f"between {finite.min():.4g} and {finite.max():.4g}"
            )
    return f"{panel.title} over {len(history)} epochs. {'; '.join(parts)}."


def _draw(axes: Axes, panel: Panel, history: History, best_epoch: int | None) -> None:
    epochs = np.array([row.get("epoch", n) for n, row in enumerate(history, start=1)])
    finite = np.array([])
    for name, label in panel.lines:
        values = _column(history, name)
        good = np.isfinite(values)
        finite = np.append(finite, values[good])
        is_validation = name.startswith("val_")
        color = VALIDATION if is_validation else TRAIN
        axes.plot(
            epochs,
            np.where(good, values, np.nan),
            label=label,
            color=color,
            linewidth=2.0 if is_validation else 1.5,
            linestyle="-" if is_validation or len(panel.lines) == 1 else "--",
            marker="o" if len(history) <= MARKED_EPOCHS else None,
            markersize=3.0,
        )
        has_value = np.array([row.get(name) is not None for row in history], bool)
        broken = has_value & ~good
        if broken.any():
            axes.plot(
                epochs[broken],
                np.full(broken.sum(), 0.02),
                transform=axes.get_xaxis_transform(),
                label="not finite",
                color=color,
                marker="x",
                linestyle="none",
                clip_on=False,
            )
    if best_epoch is not None and len(history):
        label = f"best: {best_epoch}"
        axes.axvline(best_epoch, label=label, color=INK, linewidth=1.0, linestyle=":")
    _set_axes(axes, panel, epochs, finite)


def _set_axes(axes: Axes, panel: Panel, epochs: np.ndarray, finite: np.ndarray) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    if epochs.size:
        axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.grid(color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not finite.size:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.text(0.5, 0.5, "no finite values", transform=axes.transAxes, ha="center")
    elif panel.title == "Accuracy":
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    elif panel.may_be_log and 0 < finite.min() * LOG_FROM_RATIO < finite.max():
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axes.tick_params(which="both", length=0)
    # Handles would be listed twice where both lines have values that are not finite.
    handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    axes.legend(
        handles.values(),
        handles.keys(),
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=4,
        frameon=False,
        borderaxespad=0.2,
        handlelength=1.3,
        columnspacing=0.9,
    )


def _column(history: History, name: str) -> np.ndarray:
    values = [row.get(name) for row in history]
    return np.array([np.nan if v is None else float(v) for v in values], dtype=float)


def _for_page(svg: str, words: str) -> markupsafe.Markup:
    """Turn a drawing of matplotlib's into an element that can stand in a page."""
    box = re.search(r'viewBox="([^"]*)"', svg)
    body = svg[svg.index("<defs>") : svg.rindex("</svg>")]
    # A style element inside would apply to the whole page.
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font-family: [^;]*; ", "", body)
    for color, name in VARIABLES.items():
        body = body.replace(color, f"var(--{name})")
    opening = markupsafe.Markup('<svg viewBox="{}" role="img" aria-label="{}">')
    head = opening.format(box.group(1) if box else "0 0 310 223", words)
    return head + markupsafe.Markup(body + "</svg>")
