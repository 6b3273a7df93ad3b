"""Trains ordinary set-ups, measures what is true of them, and examines them.

    python -m benchmarks.field_zoo PHOTOS CIFAR --seeds 0 1 2
    python -m benchmarks.field_zoo PHOTOS CIFAR --only mobilenet_v2 both_255_twin
    python -m benchmarks.field_zoo PHOTOS CIFAR --report-only

PHOTOS is a folder with `train/` and `validation/`, each with a folder for each class;
CIFAR is the file `cifar10_jpeg.npz`. Every finished training and examination is a row
of a CSV file below `docs/field_zoo`; what has a row is not done again. Networks are
kept below `runs/field_zoo`, so that examining again takes no training.
"""

import argparse
import csv
import gc
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TABLES = pathlib.Path("docs/field_zoo")
NETWORKS = pathlib.Path("runs/field_zoo")


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


def has_row(name: str, setup: str, seed: int) -> bool:
    """Return whether this cell is finished."""
    return any(
        row["setup"] == setup and int(row["seed"]) == seed for row in rows_of(name)
    )


def examine(trained, seconds: float | None) -> dict:
    """Examine a network as a user would and return the row of `examinations.csv`."""
    from kerasnorm import doctor

    options = {} if seconds is None else {"seconds": seconds}
    examination = doctor.examine(
        trained.model, *trained.given(), history=trained.history, **options
    )
    name = f"{trained.setup.name}-{trained.seed}"
    found = examination.to_dict()
    (NETWORKS / f"{name}-examination.json").write_text(json.dumps(found, indent=2))
    suspects = next(
        (
            finding.evidence.get("suspects")
            for finding in examination.findings
            if finding.code == "label_noise"
        ),
        None,
    )
    return {
        "setup": trained.setup.name,
        "seed": trained.seed,
        "verdict": examination.verdict,
        "findings": "+".join(
            f.code for f in examination.findings if f.severity != "info"
        ),
        "errors": "+".join(
            f.code for f in examination.findings if f.severity == "error"
        ),
        "suspects": len(suspects or ()),
        "seconds": round(examination.seconds, 1),
    }


def run(name: str, seed: int, sources, options) -> None:
    """Train, measure and examine one set-up, as far as it is not done."""
    import keras

    from benchmarks.field_zoo.setups import SETUPS
    from benchmarks.field_zoo.training import Trained
    from benchmarks.field_zoo.truth import measure_truth

    if has_row("truth", name, seed) and (
        options.no_examination or has_row("examinations", name, seed)
    ):
        return
    trained = Trained(SETUPS[name], seed, sources)
    trained.load_or_train(NETWORKS)
    if not has_row("truth", name, seed):
        add_row("truth", measure_truth(trained))
    if not options.no_examination and not has_row("examinations", name, seed):
        row = examine(trained, options.seconds)
        add_row("examinations", row)
        truth = next(
            r for r in rows_of("truth") if (r["setup"], r["seed"]) == (name, str(seed))
        )
        right = row["verdict"] in truth["accepted"].split("+")
        print(
            f"{'  ' if right else 'X '}{name:26} {seed}  true: {truth['material']:36} "
            f"found: {row['findings'] or 'healthy'}  {row['seconds']} s",
            flush=True,
        )
    keras.backend.clear_session()
    gc.collect()


def main() -> None:
    """Run what was asked for and is not done, then print and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", help="folder with train/ and validation/")
    parser.add_argument("cifar", help="the file cifar10_jpeg.npz")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="*", help="names of set-ups; all by default")
    parser.add_argument("--seconds", type=float, help="limit of an examination")
    parser.add_argument("--no-examination", action="store_true", help="only train")
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    from benchmarks.field_zoo.images import Sources
    from benchmarks.field_zoo.report import report
    from benchmarks.field_zoo.setups import SETUPS

    TABLES.mkdir(parents=True, exist_ok=True)
    NETWORKS.mkdir(parents=True, exist_ok=True)
    unknown = set(options.only or ()) - set(SETUPS)
    if unknown:
        parser.error(f"no such set-up: {', '.join(sorted(unknown))}")
    if not options.report_only:
        sources = Sources(options.photos, options.cifar)
        for seed in options.seeds:
            for name in options.only or SETUPS:
                run(name, seed, sources, options)
    report(rows_of("truth"), rows_of("examinations"), TABLES)


if __name__ == "__main__":
    main()
