"""An examination as a table in the terminal."""

import io
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kerasnorm.doctor.finding import CODES, HEALTHY
from kerasnorm.doctor.loss_matrix.budget import PARTS
from kerasnorm.doctor.loss_matrix.matrix import CELLS

if TYPE_CHECKING:
    from kerasnorm.doctor.examination import Examination

COLOURS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def render_text(examination: "Examination", width: int = 100) -> str:
    """Return the table as plain text.

    Args:
        examination: What to show.
        width: Columns of the terminal.
    """
    stream = io.StringIO()
    console = Console(file=stream, width=width, color_system=None)
    console.print(renderable(examination))
    return stream.getvalue()


def renderable(examination: "Examination") -> Group:
    """Return the table for `rich.console.Console.print`."""
    healthy = examination.verdict == HEALTHY
    style = "bold green" if healthy else "bold red"
    head = Text.assemble(
        ("verdict  ", "dim"),
        (examination.verdict, style),
        f"\n{examination.summary}",
    )
    parts: list = [Panel(head, title="kerasnorm doctor", title_align="left")]
    if examination.budget is not None:
        parts.append(_budget(examination))
    parts += [_finding(i, f) for i, f in enumerate(examination.findings, start=1)]
    if examination.losses:
        parts.append(_cells(examination))
    parts += [Text(f"note: {note}", style="dim") for note in examination.notes]
    parts.append(Text(f"examined in {examination.seconds:.0f} s", style="dim"))
    return Group(*parts)


def _budget(examination: "Examination") -> Table:
    budget = examination.budget
    table = Table(title="gap budget", title_justify="left", expand=False)
    for name, justify in (
        ("part", "left"),
        ("loss", "right"),
        ("95% interval", "right"),
        ("what it is", "left"),
    ):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    if budget is None:
        return table
    table.add_row("training loss", f"{budget.training_loss:.4f}", "", "as optimized")
    for name, value in budget.items():
        low, high = budget.intervals[name]
        table.add_row(
            name, f"{value:+.4f}", f"{low:+.3f} .. {high:+.3f}", PARTS.get(name, "")
        )
    table.add_section()
    table.add_row("validation loss", f"{budget.validation_loss:.4f}", "", "as seen")
    return table


def _cells(examination: "Examination") -> Table:
    """Return loss and accuracy of each split under each kind of statistics."""
    scores = examination.measurements.get("scores") or {}
    table = Table(title="loss matrix", title_justify="left", expand=False)
    table.add_column("cell")
    table.add_column("loss", justify="right")
    if scores:
        table.add_column("hard-label loss", justify="right")
        table.add_column("accuracy", justify="right")
    table.add_column("what it is")
    for cell, loss in examination.losses.items():
        found = scores.get(cell)
        columns = [f"{loss:.4f}"]
        if found:
            columns += [f"{found['hard_label_loss']:.4f}", f"{found['accuracy']:.1%}"]
        elif scores:
            columns += ["", ""]
        table.add_row(cell, *columns, CELLS.get(cell, ""))
    return table


def _finding(number: int, finding) -> Panel:
    body = Text.assemble(
        f"{finding.summary}\n",
        ("evidence  ", "dim"),
        "  ".join(f"{k}={_short(v)}" for k, v in finding.evidence.items()),
        ("\nremedy    ", "dim"),
        finding.remedy,
    )
    if finding.alternatives:
        either = ", ".join(f"{code}: {CODES[code]}" for code in finding.alternatives)
        body.append(f"\nor        {either}", style="dim")
    title = f"{number}. {finding.code} ({finding.severity})"
    return Panel(
        body, title=Text(title, style=COLOURS[finding.severity]), title_align="left"
    )


def _short(value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_short(item) for item in value[:6]) + "]"
    return str(value)
