"""Shows a search: `python -m tuning.results DIR`, while it runs or afterwards."""

import dataclasses
import pathlib
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from kerasnorm.data import locks
from kerasnorm.programs import command_of
from kerasnorm.training.commands import command_line
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.settings import parsing
from kerasnorm.training.system import streams
from kerasnorm.training.system.atomic_files import write_text

from . import objectives
from .plan import Plan, SearchDirectory, read_json
from .record import importance, search_page, search_summary

PAGE = "search.html"
REASON_LENGTH = 60


@dataclasses.dataclass(frozen=True)
class Results:
    """All that can be said of a search.

    Args:
        plan: The search.
        content: Content of `search.json`, brought up to date.
        ranked: Its trials, the best first, those without figures last.
        importance: How much each parameter decides; None for too few trials.
    """

    plan: Plan
    content: dict[str, Any]
    ranked: list[dict[str, Any]]
    importance: importance.Importance | None

    def to_dict(self) -> dict[str, Any]:
        """Return the results as plain values."""
        measured = self.importance
        return {
            **self.content,
            "trials": self.ranked,
            "importance": None if measured is None else dataclasses.asdict(measured),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of the results.

    Args:
        argv: Words after `python -m tuning.results`; those of this process if None.

    Returns:
        Exit status.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = parsing.Parser(
        prog=command_of("tuning.results"),
        description="Leaderboard of a search and importance of each parameter; writes "
        f"{PAGE} into its directory.",
    )
    parser.add_path("directory", "--directory of the search.", fetch=True)
    parser.add_value("--json", bool, "Print JSON.")
    parser.add_value("--debug", bool, "Show the traceback of an error.")

    def command() -> None:
        options = parser.parse(words)
        directory = SearchDirectory(pathlib.Path(options.directory).resolve())
        results = read(directory)
        page = write_page(results, directory)
        if options.json:
            streams.print_json(results.to_dict())
        else:
            print_table(results)
            print(f"page         {page}")

    return command_line.in_one_sentence(command, debug="--debug" in words)


def read(directory: SearchDirectory) -> Results:
    """Read a search, whether it runs, has ended, or was killed.

    Args:
        directory: Where its files lie.
    """
    plan = directory.read_plan()
    before = read_json(directory.search_file)
    status, reason = before.get("status", search_summary.RUNNING), before.get("reason")
    if status == search_summary.RUNNING:
        lock = locks.take(directory.path / ".lock")
        if lock is not None:
            lock.close()
            status, reason = "interrupted", "it was killed; continue it with --resume"
    content = search_summary.compose(plan, directory, status, reason)
    ranked = rank(plan, content["trials"])
    done = [trial for trial in ranked if trial["status"] == "completed"]
    results = [
        float(t["objective"][0] if isinstance(t["objective"], list) else t["objective"])
        for t in done
    ]
    values = [trial["values"] for trial in done]
    measured = importance.measure(plan.space.parameters, values, results)
    return Results(plan, content, ranked, measured)


def rank(plan: Plan, trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return trials in the order of their merit.

    Args:
        plan: The search.
        trials: Trials of `search.json`.
    """
    first = plan.objectives[0]
    sign = 1 if first.direction == "min" else -1

    def merit(trial: dict[str, Any]) -> tuple[Any, ...]:
        if trial["status"] != "completed":
            return (1, 0, 0.0, trial["id"])
        value = trial["objective"]
        number = value[0] if isinstance(value, list) else value
        return (0, trial["front"] or 0, sign * number, trial["id"])

    return sorted(trials, key=merit)


def write_page(results: Results, directory: SearchDirectory) -> pathlib.Path:
    """Write `search.html` and return where it lies.

    Args:
        results: The results.
        directory: Where the files of the search lie.
    """
    plan = results.plan
    shown = [o.curve for o in plan.objectives if o.curve is not None]
    name = shown[0] if shown else "val_loss"
    curves = {}
    for trial in results.ranked:
        if trial["run_directory"]:
            rows = RunDirectory(pathlib.Path(trial["run_directory"])).read_history()
            points = [(float(row["epoch"]), row[name]) for row in rows if name in row]
            if points:
                curves[trial["id"]] = points
    text = search_page.render(
        plan, results.content, results.ranked, curves, name, results.importance
    )
    page = directory.path / PAGE
    write_text(page, text)
    return page


def print_table(results: Results) -> None:
    """Print the leaderboard, the importance and what was saved.

    Args:
        results: The results.
    """
    import rich.box
    import rich.table

    plan, content = results.plan, results.content
    is_pareto = len(plan.objectives) > 1
    names = [parameter.name for parameter in plan.space.parameters]
    heads = [*(["front"] if is_pareto else []), "trial"]
    heads += [objective.name for objective in plan.objectives] + names
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, title="leaderboard")
    for head in heads:
        table.add_column(head, no_wrap=True)
    for trial in results.ranked:
        table.add_row(*_cells(trial, plan.objectives, names))
    streams.print_table(table)
    reason = f": {content['reason']}" if content["reason"] else ""
    print(f"search {content['status']}{reason}")
    if results.importance is None:
        print(f"importance   too few trials; {importance.FEWEST_TRIALS} are needed")
    else:
        shares = results.importance.shares.items()
        print("importance   " + ", ".join(f"{n} {s:.0%}" for n, s in shares))
        predicted = results.importance.predicted
        print(
            f"             (a forest predicts {predicted:.0%} of the variance of "
            "trials it has not seen)"
        )
    for key, words in (("median_rule", "median rule"), ("patience", "patience")):
        saved = content["saved"][key]
        print(
            f"{words:12} ended {saved['trials']} trials early, saved about "
            f"{saved['seconds'] / 60:.1f} minutes"
        )
    best = content["best"]
    for one in best if isinstance(best, list) else [best] if best else []:
        settings = shlex.quote(str(pathlib.Path(one["run_directory"], "settings.yaml")))
        command = (
            f"{command_of('apps.' + content['app'])} --config {settings} --examine"
        )
        print(f"repeat       {command}")


def _cells(
    trial: dict[str, Any],
    looked_for: Sequence[objectives.Objective],
    names: Sequence[str],
) -> list[str]:
    done = trial["status"] == "completed"
    figures: list[Any] = [trial["status"]] + [""] * (len(looked_for) - 1)
    if done:
        value = trial["objective"]
        figures = value if isinstance(value, list) else [value]
    front = [_shown(trial["front"])] if len(looked_for) > 1 else []
    cells = [*front, trial["id"], *map(_shown, figures)]
    return cells + [_shown(trial["values"].get(name)) for name in names]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
