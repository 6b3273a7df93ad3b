"""`search.json`: how a search stands, from what oracle and workers know."""

import math
from typing import Any

from .. import objectives
from ..plan import Plan, SearchDirectory, read_json, write_json

# KerasTuner's words for it, and ours.
STATUSES = {
    "RUNNING": "running",
    "COMPLETED": "completed",
    "FAILED": "failed",
    "INVALID": "failed",
}
RUNNING = "running"


def write(
    plan: Plan, directory: SearchDirectory, status: str, reason: str | None = None
) -> dict[str, Any]:
    """Write `search.json` again and return its content.

    Args:
        plan: The search.
        directory: Where its files lie.
        status: `running`, `completed`, `stopped` by a limit, `failed` or
            `interrupted`.
        reason: Why it has ended.
    """
    content = compose(plan, directory, status, reason)
    write_json(directory.search_file, content, indent=2)
    return content


def compose(
    plan: Plan, directory: SearchDirectory, status: str, reason: str | None = None
) -> dict[str, Any]:
    """Return the content of `search.json`.

    Args:
        plan: The search.
        directory: Where its files lie.
        status: See `write`.
        reason: Why it has ended.
    """
    state = read_json(directory.oracle_file)
    ongoing = set(state.get("ongoing_trials", {}).values())
    running = ongoing if status == RUNNING else set()
    trials = [
        _trial(plan, directory, saved, running) for saved in state.get("trials", [])
    ]
    done = [trial for trial in trials if trial["status"] == "completed"]
    best = _best(plan, done)
    return {
        "status": status,
        "reason": reason,
        "app": plan.settings.app,
        "algorithm": plan.algorithm,
        "objectives": [f"{o.name}:{o.direction}" for o in plan.objectives],
        "best": best,
        "trials": trials,
        "counts": {
            name: sum(trial["status"] == name for trial in trials)
            for name in ("completed", "failed", "running", "interrupted")
        },
        "saved": saved_time(trials),
    }


def saved_time(trials: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what early ends have saved.

    Args:
        trials: Trials of `search.json`.

    Returns:
        For the median rule and for the patience of early stopping: trials ended early
        and seconds of training that were not spent, at the speed of each trial.
    """
    found = {}
    for name, by_rule in (("median_rule", True), ("patience", False)):
        chosen = [
            trial
            for trial in trials
            if trial["epochs_saved"] and trial["ended_by_median_rule"] == by_rule
        ]
        found[name] = {
            "trials": len(chosen),
            "epochs": sum(trial["epochs_saved"] for trial in chosen),
            "seconds": sum(trial["seconds_saved"] for trial in chosen),
        }
    return found


def _trial(
    plan: Plan, directory: SearchDirectory, saved: dict[str, Any], running: set[str]
) -> dict[str, Any]:
    note = read_json(directory.note_file(saved["trial_id"]))
    status = STATUSES.get(saved["status"], saved["status"])
    if status == RUNNING and saved["trial_id"] not in running:
        status = "interrupted"
    values = saved["hyperparameters"]["values"]
    figures = note.get("objectives", {}) if status == "completed" else {}
    listed = [figures.get(objective.name) for objective in plan.objectives]
    reason = note.get("reason") if status == "failed" else None
    if status == "failed" and reason is None:
        reason = saved.get("message") or "its figures were NaN or infinite"
    return {
        "id": saved["trial_id"],
        "status": status,
        "objective": listed[0] if len(listed) == 1 else (listed if figures else None),
        "reason": reason,
        "run_directory": str(directory.run(plan, saved["trial_id"])) if note else None,
        "values": plan.space.own_values(values),
        "front": int(saved["score"])
        if len(listed) > 1 and status == "completed"
        else None,
        "remarks": note.get("remarks", []),
        "promoted_from": note.get("promoted_from"),
        "figures": _numbers(note.get("figures", {})) if status == "completed" else {},
        "epochs_saved": note.get("epochs_saved", 0) if status == "completed" else 0,
        "seconds_saved": note.get("seconds_saved", 0) if status == "completed" else 0,
        "ended_by_median_rule": note.get("ended_by_median_rule", False),
    }


def _numbers(figures: dict[str, Any]) -> dict[str, Any]:
    """Replace what JSON cannot hold by nothing."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }


def _best(plan: Plan, done: list[dict[str, Any]]) -> Any:
    """Return the best trial; with two objectives all that no other one beats."""
    if len(plan.objectives) > 1:
        points = [trial["objective"] for trial in done]
        numbers = objectives.fronts(points, plan.objectives)
        chosen = [t for t, n in zip(done, numbers, strict=True) if n == 1]
        chosen.sort(key=lambda trial: trial["objective"][0])
        return [_short(trial) for trial in chosen] or None
    (objective,) = plan.objectives
    worst = math.inf if objective.direction == "min" else -math.inf
    best = None
    for trial in done:
        value = trial["objective"]
        if value is not None and objective.is_better(value, worst):
            best, worst = trial, value
    return None if best is None else _short(best)


def _short(trial: dict[str, Any]) -> dict[str, Any]:
    return {name: trial[name] for name in ("id", "objective", "run_directory")}


def figures_of(value: Any, plan: Plan) -> str:
    """Return the value of one or two objectives in words.

    Args:
        value: A number or a list of numbers.
        plan: The search.
    """
    values = value if isinstance(value, list) else [value]
    return ", ".join(
        f"{objective.name} {'-' if number is None else format(number, '.5g')}"
        for objective, number in zip(plan.objectives, values, strict=True)
    )
