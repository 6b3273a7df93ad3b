"""Trains every norm with batches of 2 and of 32, as `--norm` of the apps does.

    python -m benchmarks.norm_small_batch PHOTOS --output norms_small.json

PHOTOS is a folder of class folders, or one with `train/` and `validation/`. Each norm
gets the same short training of a narrow network for each batch size and seed, without
augmentation; the learning rate grows with the square root of the batch size, by the
same rule for all. Printed are the accuracies on training and validation images and
the validation loss of the last epoch, as mean and range over the seeds.
"""

import argparse
import csv
import json
import os
import pathlib
import tempfile

import numpy as np

BATCH_SIZES = (2, 32)
RATE_OF_ONE = 3e-4
FIGURES = ("accuracy", "val_accuracy", "val_loss")


def train(
    options: argparse.Namespace, norm: str, batch_size: int, seed: int
) -> dict[str, float]:
    """Train one network as an app would and return its last epoch."""
    from kerasnorm.training import Settings, run

    with tempfile.TemporaryDirectory() as runs:
        settings = Settings(
            app="norm_small_batch",
            data=str(options.photos),
            norm=norm,
            batch_size=batch_size,
            learning_rate=RATE_OF_ONE * batch_size**0.5,
            epochs=options.epochs,
            patience=options.epochs,
            image_size=options.image_size,
            width=options.width,
            rotation_range=0.0,
            width_shift_range=0.0,
            height_shift_range=0.0,
            shear_range=0.0,
            zoom_range=0.0,
            seed=seed,
            examine=False,
            runs=runs,
            name=f"{norm}-{batch_size}-{seed}",
            quiet=True,
        )
        directory = run(settings).directory
        with (directory / "history.csv").open() as file:
            last = list(csv.DictReader(file))[-1]
    return {figure: float(last[figure]) for figure in FIGURES}


def print_row(norm: str, batch_size: int, seeds: list[dict[str, float]]) -> None:
    """Print one norm at one batch size."""
    cells = ""
    for figure in FIGURES:
        values = [record[figure] for record in seeds]
        spread = f"{min(values):.3f}..{max(values):.3f}"
        cells += f"{np.mean(values):8.3f} {spread:>14}"
    print(f"{norm:14}{batch_size:>6}{len(seeds):>3}{cells}", flush=True)


def main() -> None:
    """Train all, print the table and write it."""
    from kerasnorm.norm_kinds import NORM_KINDS

    parser = argparse.ArgumentParser(description="Norms at small and usual batches.")
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--norms", nargs="+", choices=NORM_KINDS, default=[*NORM_KINDS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--image-size", type=int, default=48)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--output", type=pathlib.Path, help="where the JSON goes")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    header = "".join(f"{figure:>16}{'':7}" for figure in FIGURES)
    print(f"{'norm':14}{'batch':>6}{'n':>3}{header}")
    results = []
    for norm in options.norms:
        for batch_size in BATCH_SIZES:
            seeds = [train(options, norm, batch_size, seed) for seed in options.seeds]
            print_row(norm, batch_size, seeds)
            results.append({"norm": norm, "batch_size": batch_size, "seeds": seeds})
    if options.output:
        options.output.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
