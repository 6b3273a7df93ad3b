"""How hard the drawn cats and dogs are: a linear model against the app's network.

    python -m benchmarks.drawn_pets --seeds 0 1 2 --output runs/drawn_pets
    python -m benchmarks.drawn_pets --seeds 0 1 2 --without-network

For each seed of the drawing: the time to draw the set, the best validation accuracy
of logistic regressions on the pixels (32 and 64 pixels, colour and grey, several
strengths of regularization, chosen on the validation images, which flatters them),
how well simple statistics tell the classes, and what `python -m apps.cats_dogs`
reaches at its defaults. Seeds that are done are kept and not measured again.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from kerasnorm.data.drawn_pets.dataset import SPLITS, drawn_pets_directory

SIDES = (32, 64)
REGULARIZATIONS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1.0)


def load(directory: pathlib.Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return pixels, labels (1 is a dog) and file sizes of each side."""
    sides = {}
    for split in SPLITS:
        files = sorted((directory / split).glob("*/*.jpg"))
        pixels = np.stack([np.asarray(Image.open(file)) for file in files])
        labels = np.array([file.parent.name == "dog" for file in files], int)
        sizes = np.array([file.stat().st_size for file in files])
        sides[split] = (pixels, labels, sizes)
    return sides


def shrink(pixels: np.ndarray, side: int, gray: bool) -> np.ndarray:
    """Average down to `side` pixels; one row for each image."""
    step = pixels.shape[1] // side
    small = pixels[:, : side * step, : side * step]
    small = small.reshape(len(pixels), side, step, side, step, 3)
    small = small.mean((2, 4), dtype=np.float32)
    return (small.mean(-1) if gray else small).reshape(len(pixels), -1)


def linear_accuracies(sides: dict) -> dict[str, float]:
    """Return the best validation accuracy of logistic regression on each input."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    (train, labels, _), (validation, validation_labels, _) = (
        sides[split] for split in SPLITS
    )
    best = {}
    for side in SIDES:
        for gray in (False, True):
            scaler = StandardScaler().fit(shrink(train, side, gray))
            x, v = (
                scaler.transform(shrink(p, side, gray)) for p in (train, validation)
            )
            # With an L2 penalty the weights lie in the span of the images, so a
            # rotation into it loses nothing and leaves fewer columns than pixels.
            u, s, basis = np.linalg.svd(x, full_matrices=False)
            x, v = u * s, v @ basis.T
            best[f"{side}px {'grey' if gray else 'colour'}"] = max(
                LogisticRegression(C=c, max_iter=300)
                .fit(x, labels)
                .score(v, validation_labels)
                for c in REGULARIZATIONS
            )
    return best


def statistic_areas(sides: dict) -> dict[str, float]:
    """Return the area under the ROC curve of simple statistics; 0.5 tells nothing."""
    from sklearn.metrics import roc_auc_score

    pixels, labels, sizes = map(np.concatenate, zip(*sides.values(), strict=True))
    pixels = pixels.astype(np.float32)
    values = {
        "red": pixels[..., 0].mean((1, 2)),
        "green": pixels[..., 1].mean((1, 2)),
        "blue": pixels[..., 2].mean((1, 2)),
        "brightness": pixels.mean((1, 2, 3)),
        "contrast": pixels.std((1, 2, 3)),
        "detail across": np.abs(np.diff(pixels, axis=2)).mean((1, 2, 3)),
        "detail down": np.abs(np.diff(pixels, axis=1)).mean((1, 2, 3)),
        "file size": sizes,
    }
    return {name: float(roc_auc_score(labels, value)) for name, value in values.items()}


def network(directory: pathlib.Path, seed: int, runs: pathlib.Path) -> dict:
    """Train the app at its defaults on drawn images and return its report."""
    command = [sys.executable, "-m", "apps.cats_dogs", "--preset", "drawn"]
    command += ["--data", str(directory), "--seed", str(seed), "--quiet"]
    command += ["--runs", str(runs), "--name", f"seed{seed}-{time.time_ns()}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    run = pathlib.Path(done.stdout.splitlines()[-1])
    report = json.loads((run / "report.json").read_text())
    kept = ("validation_accuracy", "best_epoch", "epochs", "seconds")
    return {name: report[name] for name in (*kept, "images_per_second", "parameters")}


def measure(seed: int, runs: pathlib.Path | None) -> dict:
    """Draw the set of one seed and measure it."""
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        directory = drawn_pets_directory(seed, cache=cache)
        seconds = time.perf_counter() - start
        sides = load(directory)
        return {
            "seed": seed,
            "training_images": len(sides["train"][1]),
            "validation_images": len(sides["validation"][1]),
            "drawing_seconds": seconds,
            "linear": linear_accuracies(sides),
            "areas": statistic_areas(sides),
            "network": network(directory, seed, runs) if runs else None,
        }


def print_table(records: list[dict]) -> None:
    """Print every figure with its mean and its range over the seeds."""
    rows = {"drawing, seconds": [r["drawing_seconds"] for r in records]}
    for group, word in (("linear", "logistic regression"), ("areas", "ROC area")):
        for name in records[0][group]:
            rows[f"{word}, {name}"] = [r[group][name] for r in records]
    best = [max(r["linear"].values()) for r in records]
    rows["logistic regression, best"] = best
    trained = [r["network"] for r in records if r["network"]]
    for name in ("validation_accuracy", "epochs", "seconds", "images_per_second"):
        if trained:
            rows[f"network, {name.replace('_', ' ')}"] = [r[name] for r in trained]
    first = records[0]
    print(
        f"{first['training_images']} training and {first['validation_images']} "
        f"validation images for each of {len(records)} seeds of the drawing"
    )
    print(f"{'':34}{'n':>3}{'mean':>9}{'lowest':>9}{'highest':>9}")
    for name, values in rows.items():
        columns = (np.mean(values), np.min(values), np.max(values))
        figures = "".join(f"{value:9.3f}" for value in columns)
        print(f"{name:34}{len(values):3}{figures}")


def main() -> None:
    """Measure the seeds that are not done yet, then print the table."""
    parser = argparse.ArgumentParser(description="How hard the drawn pets are.")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--without-network", action="store_true")
    default = pathlib.Path("runs/drawn_pets")
    parser.add_argument("--output", type=pathlib.Path, default=default)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    options.output.mkdir(parents=True, exist_ok=True)
    records = []
    for seed in options.seeds:
        file = options.output / f"seed{seed}.json"
        record = json.loads(file.read_text()) if file.exists() else None
        if record is None or not (record["network"] or options.without_network):
            runs = None if options.without_network else options.output / "runs"
            record = measure(seed, runs)
            file.write_text(json.dumps(record, indent=2))
        records.append(record)
    print_table(records)


if __name__ == "__main__":
    main()
