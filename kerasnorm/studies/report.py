"""Figure, table and page of a study, made again from its rows after every cell."""

import base64
import pathlib
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from kerasnorm.pages.formatting import duration, percent, words
from kerasnorm.pages.template import page_template
from kerasnorm.studies.rows import grouped, interval
from kerasnorm.studies.study import Row, Study
from kerasnorm.training.system.atomic_files import write_text
from kerasnorm.version import __version__

STYLE = {"font.size": 10.0, "axes.spines.top": False, "axes.spines.right": False}
HIDDEN = ("recipe", "hardware", "version", "backend", "data")


def table_of(study: Study, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one dict for each cell of the grid: mean, interval and number of seeds.

    Args:
        study: The study.
        rows: Its rows.
    """
    table = []
    for (line, x), own in grouped(rows, (study.lines, study.x)).items():
        mean, low, high = interval([row[study.figure] for row in own])
        shown = "" if len(own) < 2 else f"{percent(low)} to {percent(min(high, 1.0))}"
        seconds = [row["seconds"] for row in own]
        table.append(
            {
                study.lines: words(line),
                study.x: x,
                study.figure: percent(mean),
                "95% interval": shown,
                "seeds": len(own),
                "time each": duration(sum(seconds) / len(own)),
            }
        )
    return table


def write_report(
    study: Study, scale: str, rows: Sequence[Row], missing: int, folder: pathlib.Path
) -> None:
    """Write `figure.png` and `report.html`, one page that needs nothing else.

    Args:
        study: The study.
        scale: Its scale.
        rows: The rows of the scale.
        missing: Cells that have no row yet.
        folder: Folder of the study.
    """
    _draw(study, rows, folder / "figure.png")
    image = base64.b64encode((folder / "figure.png").read_bytes()).decode()
    template = page_template(__package__ or "", "report.html.jinja", {"words": words})
    page = template.render(
        study=study,
        scale=scale,
        figure=f"data:image/png;base64,{image}",
        sentences=study.sentences(list(rows)),
        tables=[table_of(study, rows), _shown(rows)],
        missing=missing,
        rows=rows,
        version=__version__,
        hardware=sorted({row["hardware"] for row in rows}),
    )
    write_text(folder / "report.html", page)


def _shown(rows: Sequence[Row]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for row in rows for name in row if name not in HIDDEN)
    return [
        {name: "" if row.get(name) is None else row[name] for name in names}
        for row in rows
    ]


def _draw(study: Study, rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draw the mean of each line with its seeds as dots."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.0, 4.6), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        places = sorted({row[study.x] for row in rows})
        place_of = {x: place for place, x in enumerate(places)}
        for (line,), own in grouped(rows, (study.lines,)).items():
            means = {
                x: interval([row[study.figure] for row in of_x])[0]
                for (x,), of_x in grouped(own, (study.x,)).items()
            }
            known = sorted(means)
            (drawn,) = axes.plot(
                [place_of[x] for x in known],
                [means[x] for x in known],
                marker="o",
                label=words(line),
            )
            axes.scatter(
                [place_of[row[study.x]] for row in own],
                [row[study.figure] for row in own],
                s=12,
                alpha=0.5,
                color=drawn.get_color(),
            )
        axes.set_xticks(range(len(places)), [str(x) for x in places])
        axes.set_xlabel(words(study.x))
        axes.set_ylabel(words(study.figure))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(axis="y", alpha=0.3)
        axes.legend(frameon=False)
        aside = path.with_name(f".{path.name}.tmp")
        canvas.print_figure(aside, format="png", dpi=110)
    aside.replace(path)
