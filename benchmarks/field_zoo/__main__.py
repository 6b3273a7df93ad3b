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
import multiprocessing
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.field_zoo.cell import (
    NETWORKS,
    TABLE_NAMES,
    TABLES,
    finished,
    rows_of,
    run,
)


def run_all(names: list[str], options) -> None:
    """Run every cell that is not done in a process of its own.

    Keras keeps what it has compiled: one process would grow to 5 GB. Processes are
    forked from one that has imported TensorFlow and run nothing.
    """
    from benchmarks.field_zoo.setups import SETUPS

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tensorflow", "keras", "kerasnorm.doctor", "benchmarks.field_zoo.cell"]
    )
    for seed in options.seeds:
        for name in names:
            cell = (name, seed, SETUPS[name].recipe)
            tables = ("truth",) if options.no_examination else TABLE_NAMES
            if all(cell in finished(table) for table in tables):
                continue
            process = context.Process(target=run, args=(name, seed, options))
            process.start()
            process.join()
            if process.exitcode:
                print(f"! {name} {seed}: ended with {process.exitcode}", flush=True)


def main() -> None:
    """Run what was asked for and is not done, then print and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", help="folder with train/ and validation/")
    parser.add_argument("cifar", help="the file cifar10_jpeg.npz")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--only", nargs="*", help="names of set-ups; all by default")
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        help="limit of an examination in seconds of processor time, which a busy "
        "machine does not change (default: %(default)s, that of the doctor)",
    )
    parser.add_argument("--no-examination", action="store_true", help="only train")
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    from benchmarks.field_zoo.report import report
    from benchmarks.field_zoo.setups import SETUPS

    TABLES.mkdir(parents=True, exist_ok=True)
    NETWORKS.mkdir(parents=True, exist_ok=True)
    unknown = set(options.only or ()) - set(SETUPS)
    if unknown:
        parser.error(f"no such set-up: {', '.join(sorted(unknown))}")
    if not options.report_only:
        # Figures come from set-ups for reporting, so these go first.
        names = options.only or sorted(SETUPS, key=lambda n: SETUPS[n].choosing)
        run_all(names, options)
    report(rows_of("truth"), rows_of("examinations"), TABLES)


if __name__ == "__main__":
    main()
