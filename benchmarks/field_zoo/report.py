"""Tables of the field zoo: verdicts against what is true, with confidence limits."""

import pathlib

from scipy import stats

from benchmarks.field_zoo.setups import SETUPS


def _parts(text: str) -> list[str]:
    return [part for part in text.split("+") if part]


def _fraction(hits: list[bool]) -> str:
    """Return a fraction with its exact 95% limits."""
    if not hits:
        return "none"
    limits = stats.binomtest(sum(hits), len(hits)).proportion_ci(0.95, "exact")
    return f"{sum(hits)} of {len(hits)} ({limits.low:.0%} to {limits.high:.0%})"


def summarize(pairs: list[tuple[dict, dict]]) -> dict[str, str]:
    """Return the figures of some examinations.

    Args:
        pairs: A row of the truth and the row of its examination.
    """

    def sure(truth):
        return set(_parts(truth["material"])) - set(_parts(truth["possible"]))

    right = [e["verdict"] in _parts(t["accepted"]) for t, e in pairs]
    causes = [(t, e) for t, e in pairs if sure(t)]
    healthy = [(t, e) for t, e in pairs if not t["material"]]
    noisy = [(t, e) for t, e in pairs if "label_noise" in t["material"]]

    def wrong(truth, found):
        return set(found) - {*_parts(truth["material"]), *_parts(truth["possible"])}

    return {
        "verdict right": _fraction(right),
        "all material causes found": _fraction(
            [sure(t) <= set(_parts(e["findings"])) for t, e in causes]
        ),
        "healthy without a false error": _fraction(
            [not wrong(t, _parts(e["errors"])) for t, e in healthy]
        ),
        "at most one wrong warning": _fraction(
            [len(wrong(t, _parts(e["findings"]))) <= 1 for t, e in pairs]
        ),
        "interval of what remains holds it": _fraction(
            [
                float(e["remains_low"])
                <= float(t["remains"])
                <= float(e["remains_high"])
                for t, e in pairs
                if e["remains_low"]
            ]
        ),
        "half of the flips among the suspects": _fraction(
            [int(e["suspects_flipped"]) >= int(e["flipped"]) / 2 for t, e in noisy]
        ),
        "examined within 30 s of one core": _fraction(
            [float(e["cpu_seconds"]) <= 30 for _, e in pairs]
        ),
    }


def report(truth: list[dict], examinations: list[dict], folder: pathlib.Path) -> None:
    """Print the figures and write `table.md`."""
    known = {(row["setup"], row["seed"]): row for row in truth if _is_valid(row)}
    pairs = [
        (known[key], row)
        for row in examinations
        if (key := (row["setup"], row["seed"])) in known and _is_valid(row)
    ]
    groups = {
        "set-ups used for choosing": [p for p in pairs if _is_choosing(p[0])],
        "set-ups for reporting": [p for p in pairs if not _is_choosing(p[0])],
    }
    lines = ["| figure | " + " | ".join(groups) + " |", "| --- | --- | --- |"]
    figures = [summarize(group) for group in groups.values()]
    lines += [
        f"| {name} | " + " | ".join(figure[name] for figure in figures) + " |"
        for name in figures[0]
    ]
    lines += ["", _progress(pairs)]
    print("\n".join(lines))
    lines += [
        "",
        "| set-up | true | verdicts | accuracy given, repaired (training / validation) "
        "| processor seconds: training, examination |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name in SETUPS:
        own = [(t, e) for t, e in pairs if t["setup"] == name]
        if own:
            lines.append(_line(name, own))
    (folder / "table.md").write_text("\n".join(lines) + "\n")


def _progress(pairs: list[tuple[dict, dict]]) -> str:
    """Say how much of the zoo these rows are."""
    healthy = {
        (SETUPS[t["setup"]].training_recipe, t["seed"])
        for t, _ in pairs
        if not t["material"]
    }
    networks = {SETUPS[t["setup"]].network for t, _ in pairs}
    return (
        f"{len(pairs)} examinations of {len({t['setup'] for t, _ in pairs})} of "
        f"{len(SETUPS)} set-ups, {len(networks)} networks, "
        f"{len({t['seed'] for t, _ in pairs})} seeds; {len(healthy)} different healthy "
        "trainings."
    )


def _is_valid(row: dict) -> bool:
    """Return whether a row is of a set-up as it is now."""
    setup = SETUPS.get(row["setup"])
    return setup is not None and setup.recipe == row["recipe"]


def _is_choosing(row: dict) -> bool:
    return SETUPS[row["setup"]].choosing


def _line(name: str, own: list[tuple[dict, dict]]) -> str:
    def mean(column: str) -> str:
        return f"{sum(float(t[column]) for t, _ in own) / len(own):.0%}"

    def most(which: int, column: str) -> str:
        return f"{max(float(pair[which][column]) for pair in own):.0f}"

    def listed(values) -> str:
        return ", ".join(dict.fromkeys(value or "healthy" for value in values))

    accuracies = "; ".join(
        f"{mean(f'training_accuracy_{kind}')} / {mean(f'validation_accuracy_{kind}')}"
        for kind in ("given", "repaired")
    )
    right = sum(e["verdict"] in _parts(t["accepted"]) for t, e in own)
    return (
        f"| {name} | {listed(t['material'] for t, _ in own)} | {right} of {len(own)} "
        f"right: {listed(e['verdict'] for _, e in own)} | {accuracies} "
        f"| {most(0, 'training_cpu_seconds')}, {most(1, 'cpu_seconds')} |"
    )
