"""The command line that every study has."""

import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from kerasnorm.pages.formatting import duration, percent
from kerasnorm.programs import command_of
from kerasnorm.studies.cells import FOLDER, start_cell
from kerasnorm.studies.data import StudyData
from kerasnorm.studies.report import table_of, write_report
from kerasnorm.studies.rows import read_rows, row_of
from kerasnorm.studies.study import Cell, Row, Study
from kerasnorm.training.commands.command_line import in_one_sentence
from kerasnorm.training.settings.parsing import Parser
from kerasnorm.training.system import backend, paths

Start = Callable[[Cell, pathlib.Path, pathlib.Path], bool]


def main(
    study: Study, argv: Sequence[str] | None = None, start: Start = start_cell
) -> int:
    """Run what of a study has no row yet, then show it.

    Args:
        study: The study.
        argv: Words of the command line; those of this process if None.
        start: Trains a cell and writes its row.

    Returns:
        Exit status: 0, 1 for a failure, 2 for wrong usage.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    return in_one_sentence(
        lambda: _run(study, words, start), debug="--debug" in words, keeps_files=True
    )


def _parser(study: Study) -> Parser:
    scales = list(study.scales)
    parser = Parser(
        prog=command_of(f"apps.{study.name}"),
        description=f"{study.title} What has a row of the results is not trained "
        "again, and what was killed resumes. The last line printed is the folder.",
    )
    parser.add_value(
        "--data",
        str,
        "`drawn`, `cifar10:FILE.npz`, or what --data of a training takes.",
        default="drawn",
    )
    parser.add_choice("--scale", scales, "How much is trained", default=scales[0])
    parser.add_value(
        "--seeds", int | None, "Number of seeds; as the scale says if not given."
    )
    parser.add_value("--name", str | None, "Name of the folder; the scale if null.")
    parser.add_value(
        "--only", str, "Train only cells with this in their name.", default=""
    )
    parser.add_path("--runs", "Folder of all runs.", check=paths.local, default="runs")
    parser.add_path(
        "--results",
        "File of rows that grows; results.csv in the folder if not given.",
        check=paths.local,
    )
    parser.add_value("--report_only", bool, "Train nothing, show what there is.")
    backend.add_flag(parser)
    parser.add_value("--debug", bool, "Show the traceback of an error.")
    return parser


def _run(study: Study, words: list[str], start: Start) -> None:
    options = _parser(study).parse(words)
    backend.choose_backend(options.backend)
    data = StudyData(paths.in_full(options.data, "--data"))
    folder = pathlib.Path(options.runs) / study.name / (options.name or options.scale)
    folder.mkdir(parents=True, exist_ok=True)
    results = pathlib.Path(options.results or folder / "results.csv")
    seeds: Sequence[int] = study.scales[options.scale]
    if options.seeds is not None:
        seeds = range(options.seeds)
    cells = [cell for s in seeds for cell in study.grid(options.scale, data, s)]
    failed = []
    for number, cell in enumerate(cells, 1):
        wanted = options.only in cell.name and not options.report_only
        if not wanted or row_of(cell, read_rows(results)):
            continue
        steps = [cell]
        if cell.after is not None and not _is_finished(cell.after, folder):
            steps.insert(0, cell.after)
        print(f"[{number}/{len(cells)}] {cell.title}", flush=True)
        if all(start(one, folder, results) for one in steps):
            row: Any = row_of(cell, read_rows(results))
            print(
                f"    {study.figure} {percent(row[study.figure])} in "
                f"{duration(row['seconds'])}",
                flush=True,
            )
        else:
            failed.append(cell.title)
    table = read_rows(results)
    rows = [row for cell in cells if (row := row_of(cell, table)) is not None]
    if rows:
        write_report(study, options.scale, rows, len(cells) - len(rows), folder)
        _print(study, rows)
    if failed:
        raise RuntimeError(
            f"expected every training to end, but {len(failed)} of {len(cells)} did "
            f"not: {'; '.join(failed[:3])}; the same command tries them again"
        )
    print(folder)


def _is_finished(cell: Cell, folder: pathlib.Path) -> bool:
    place = folder / FOLDER / cell.name
    return all((place / name).is_file() for name in ("report.json", "model.keras"))


def _print(study: Study, rows: list[Row]) -> None:
    table = table_of(study, rows)
    lines = [list(table[0]), *([str(v) for v in one.values()] for one in table)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (word.ljust(width) for word, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
    for sentence in study.sentences(rows):
        print(sentence)
