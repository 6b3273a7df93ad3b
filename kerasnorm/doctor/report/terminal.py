"""An examination as a table in the terminal."""

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kerasnorm.codes import CODES, HEALTHY
from kerasnorm.doctor.cells import CELLS, PARTS
from kerasnorm.pages.formatting import loss, measured, percent, signed

COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def render_text(examination: Mapping[str, Any], width: int = 100) -> str:
    """Return the table as plain text.

    Args:
        examination: The values of `Examination.to_dict`.
        width: Columns of the terminal.
    """
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None)
    console.print(renderable(examination))
    return stream.getvalue()


def renderable(examination: Mapping[str, Any]) -> Group:
    """Return the table for `rich.console.Console.print`.

    Args:
        examination: The values of `Examination.to_dict`.
    """
    is_healthy = examination["verdict"] == HEALTHY
    head = Text.assemble(
        ("verdict  ", "dim"),
        (examination["verdict"], "bold green" if is_healthy else "bold red"),
        f"\n{examination['summary']}",
    )
    parts: list = [Panel(head, title="kerasnorm doctor", title_align="left")]
    if examination["budget"] is not None:
        parts.append(_budget(examination["budget"]))
    parts += [_finding(i, f) for i, f in enumerate(examination["findings"], start=1)]
    if examination["losses"]:
        parts.append(_cells(examination))
    parts += [Text(f"note: {note}", style="dim") for note in examination["notes"]]
    parts.append(Text(f"examined in {examination['seconds']:.0f} s", style="dim"))
    return Group(*parts)


def _budget(budget: Mapping[str, Any]) -> Table:
    table = Table(title="gap budget", title_justify="left", expand=False)
    for name, justify in (
        ("part", "left"),
        ("loss", "right"),
        ("95% interval", "right"),
        ("what it is", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    table.add_row("training loss", loss(budget["training_loss"]), "", "as optimized")
    for name, value in budget["parts"].items():
        interval = " .. ".join(signed(limit, 3) for limit in budget["intervals"][name])
        table.add_row(name, signed(value), interval, PARTS.get(name, ""))
    table.add_section()
    table.add_row("validation loss", loss(budget["validation_loss"]), "", "as seen")
    return table


def _cells(examination: Mapping[str, Any]) -> Table:
    """Return loss and accuracy of each split under each kind of statistics."""
    scores = examination["measurements"].get("scores") or {}
    table = Table(title="loss matrix", title_justify="left", expand=False)
    table.add_column("what it is")
    table.add_column("loss", justify="right")
    if scores:
        table.add_column("hard-label loss", justify="right")
        table.add_column("accuracy", justify="right")
    table.add_column("letter", style="dim")
    for cell, value in examination["losses"].items():
        columns = [loss(value)]
        found = scores.get(cell)
        if found:
            columns += [loss(found["hard_label_loss"]), percent(found["accuracy"])]
        elif scores:
            columns += ["", ""]
        table.add_row(CELLS.get(cell, cell), *columns, cell)
    return table


def _finding(number: int, finding: Mapping[str, Any]) -> Panel:
    evidence = finding["evidence"].items()
    body = Text.assemble(
        f"{finding['summary']}\n",
        ("evidence  ", "dim"),
        "  ".join(f"{name}={measured(value, name)}" for name, value in evidence),
        ("\nremedy    ", "dim"),
        finding["remedy"],
    )
    if finding["alternatives"]:
        either = ", ".join(f"{code}: {CODES[code]}" for code in finding["alternatives"])
        body.append(f"\nor        {either}", style="dim")
    title = f"{number}. {finding['code']} ({finding['severity']})"
    style = COLOURS[finding["severity"]]
    return Panel(body, title=Text(title, style=style), title_align="left")
