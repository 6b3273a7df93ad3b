"""One cell of the field zoo: trains, measures and examines, and writes its rows."""

import csv
import json
import os
import pathlib
import time
from unittest import mock

TABLES = pathlib.Path("docs/field_zoo")
NETWORKS = pathlib.Path("runs/field_zoo")
#: Training samples whose labels an examination looks at by default, evenly over the
#: epoch.
LOOKED_AT = 2048
TABLE_NAMES = ("truth", "examinations")


def rows_of(name: str) -> list[dict]:
    """Return the rows of one table, none where it does not exist."""
    path = TABLES / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add_row(name: str, row: dict) -> None:
    """Write one finished row."""
    path = TABLES / f"{name}.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


def finished(name: str) -> set[tuple[str, int, str]]:
    """Return set-up, seed and recipe of every row of a table."""
    rows = rows_of(name)
    return {(row["setup"], int(row["seed"]), row["recipe"]) for row in rows}


def examine(trained, seconds: float) -> dict:
    """Examine a network as a user would and return the row of `examinations.csv`."""
    from kerasnorm import doctor
    from kerasnorm.doctor.sampling.sample_batches import sample_batches

    start, start_of_wall = time.process_time(), time.monotonic()
    # On a busy machine wall time would leave out what an idle one has time for.
    with mock.patch("time.perf_counter", time.process_time):
        examination = doctor.examine(
            trained.model, *trained.given(), history=trained.history, seconds=seconds
        )
    cpu_seconds = time.process_time() - start
    wall_seconds = time.monotonic() - start_of_wall
    name = f"{trained.setup.name}-{trained.seed}"
    found = examination.to_dict()
    (NETWORKS / f"{name}-examination.json").write_text(json.dumps(found, indent=2))
    findings = examination.findings
    suspects = next(
        (f.evidence["suspects"] for f in findings if f.code == "label_noise"), ()
    )
    looked_at = sample_batches(trained.given()[0], LOOKED_AT).positions
    flipped = trained.positions_flipped(looked_at)
    remains = (found["measurements"]["remains"] or {}).get("interval", ("", ""))
    return {
        "setup": trained.setup.name,
        "seed": trained.seed,
        "recipe": trained.setup.recipe,
        "verdict": examination.verdict,
        "findings": "+".join(f.code for f in findings if f.severity != "info"),
        "errors": "+".join(f.code for f in findings if f.severity == "error"),
        "suspects": len(suspects),
        "suspects_flipped": len(set(suspects) & flipped),
        "flipped": len(flipped),
        "remains_low": remains[0],
        "remains_high": remains[1],
        "wall_seconds": round(wall_seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "limit": seconds,
    }


def run(name: str, seed: int, options) -> None:
    """Train, measure and examine one set-up, as far as it is not done."""
    from benchmarks.field_zoo.images import Sources
    from benchmarks.field_zoo.setups import SETUPS
    from benchmarks.field_zoo.training import Trained
    from benchmarks.field_zoo.truth import measure_truth

    setup = SETUPS[name]
    cell = (name, seed, setup.recipe)
    trained = Trained(setup, seed, Sources(options.photos, options.cifar))
    trained.load_or_train(NETWORKS)
    if cell not in finished("truth"):
        add_row("truth", measure_truth(trained))
    if options.no_examination or cell in finished("examinations"):
        return
    row = examine(trained, options.seconds)
    add_row("examinations", row)
    truth = next(
        r for r in rows_of("truth") if (r["setup"], int(r["seed"]), r["recipe"]) == cell
    )
    right = row["verdict"] in truth["accepted"].split("+")
    print(
        f"{'  ' if right else 'X '}{name:26} {seed}  true: {truth['material']:36} "
        f"found: {row['findings'] or 'healthy'}  {row['cpu_seconds']} s",
        flush=True,
    )
