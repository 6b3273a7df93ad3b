"""How many of the first suspects have a wrong label indeed.

python -m benchmarks.suspect_labels PHOTOS [--fraction 0.05] [--seeds 0 1 2]

Puts a fraction of the photos of each folder of classes into another class by links in a
temporary folder, ranks all by `kerasnorm scan --suspect-labels`' function, once on the
features of a pretrained network, where it is installed, and once without, and counts
the wrong ones among the first as many.
"""

import argparse
import json
import os
import pathlib
import statistics
import tempfile
from unittest import mock

import numpy as np

from kerasnorm.data.sources.source import open_files
from kerasnorm.models.weights import published
from kerasnorm.training.commands import suspect_labels


def write(
    photos: pathlib.Path, folder: pathlib.Path, fraction: float, seed: int
) -> int:
    """Link photos into folders of classes; return how many are in a wrong one."""
    index = open_files(photos).parts["all"]
    draw = np.random.default_rng(seed)
    count = round(fraction * len(index))
    wrong = set(draw.choice(len(index), count, replace=False).tolist())
    classes = len(index.class_names)
    for number, label in enumerate(index.labels):
        place = int(label)
        if number in wrong:
            place = (place + int(draw.integers(1, classes))) % classes
        target = folder / index.class_names[place]
        target.mkdir(exist_ok=True)
        kind = "wrong" if number in wrong else "right"
        name = f"{number}_{kind}{pathlib.Path(index.paths[number]).suffix}"
        os.symlink(os.path.abspath(index.paths[number]), target / name)
    return count


def precision(folder: pathlib.Path, first: int) -> float:
    """Return the fraction of wrong labels among the first suspects."""
    suspects, _ = suspect_labels.find_suspects(folder)
    names = [pathlib.Path(suspect.path).name for suspect in suspects[:first]]
    return sum("_wrong" in name for name in names) / first


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("--fraction", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    judges = {"without": False}
    if published.is_installed(suspect_labels.NETWORK):
        judges["pretrained"] = True
    results: dict[str, list[float]] = {name: [] for name in judges}
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            count = write(options.photos, folder, options.fraction, seed)
            for judge, is_pretrained in judges.items():
                with mock.patch.object(
                    published, "is_installed", lambda _, known=is_pretrained: known
                ):
                    results[judge].append(precision(folder, count))
    for judge, values in results.items():
        told = ", ".join(f"{value:.2f}" for value in values)
        print(
            f"{judge}: precision at {count} {statistics.mean(values):.2f} "
            f"({told}; n = {len(values)} seeds)"
        )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
