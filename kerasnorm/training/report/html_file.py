"""The report of a run: `report.html`, one page that needs nothing else."""

import os
import pathlib

from kerasnorm.training.report import curves, report_page
from kerasnorm.training.report.report_record import RunRecord as RunRecord
from kerasnorm.training.report.report_record import ShownImage as ShownImage


def write_report(record: RunRecord, directory: str | os.PathLike[str]) -> pathlib.Path:
    """Write `report.html` and `curves.png` into a run directory.

    The page is one file: it loads nothing, from the network or elsewhere. Each file
    is written aside and renamed, so a reader sees the old or the new one, never half.

    Args:
        record: What is shown.
        directory: The run directory; it must exist.

    Returns:
        Path of `report.html`.

    Example:
        >>> page = write_report(record, "runs/cats_dogs/first")
        >>> print(page.as_uri())
    """
    directory = pathlib.Path(directory)
    best_epoch = record.summary.get("best_epoch")
    curves.write_curves(record.history, best_epoch, directory / "curves.png")
    page = directory / "report.html"
    aside = page.with_name(f".{page.name}.{os.getpid()}.tmp")
    aside.write_text(report_page.render(record), encoding="utf-8")
    os.replace(aside, page)
    return page
