"""How often wrong labels are found, and right ones acquitted, on photos and CIFAR-10.

    python -m benchmarks.label_noise PHOTOS CIFAR --seeds 0 1 --output runs/label_noise
    python -m benchmarks.label_noise PHOTOS CIFAR --only flipped

PHOTOS holds `train` and `validation` with a folder for each class. CIFAR is an archive
`.npz` of JPEG files end to end, `train_jpeg`, with `train_offsets` and `train_labels`.
No network is trained: reference models on fixed image features need the labels alone.
One row of `results.csv` is written for each finished examination, and what has a row is
skipped when the command is given again; `summary.md` counts verdicts. The rows of the
docs took 45 minutes on two busy cores.
"""

import argparse
import csv
import io
import itertools
import os
import pathlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

# Beside other work the threads of a small matrix product wait for each other.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from scipy import stats  # noqa: E402

from kerasnorm.doctor.probes.labels.noise import estimate_label_noise  # noqa: E402
from kerasnorm.doctor.sampling.samples import Samples  # noqa: E402

SIDE = 64
# Images of both splits; two thirds of them are for training.
SUBSETS = (200, 350, 500, 700, 1000, 1400, 2000)
PAIRS = tuple(itertools.combinations(range(10), 2))
# Each seed takes so many of the pairs, the next one others.
PAIRS_AT_A_TIME = 9
MANY_CLASSES = (3, 5, 10)
CIFAR_IMAGES = 1500
RARE = 9
RATES = (0.1, 0.2)


@dataclass(frozen=True)
class Data:
    """Images with labels that count as right.

    Args:
        images: uint8 of (images, height, width, 3).
        labels: Class numbers.
        validation: Whether each image is for validation, None for a split by chance.
    """

    images: np.ndarray
    labels: np.ndarray
    validation: np.ndarray | None = None


@dataclass(frozen=True)
class Case:
    """One examination.

    Args:
        name: Names the case together with the seed.
        kind: What the summary counts it under.
        data: The images to choose from.
        training: Numbers of the training images.
        validation: Numbers of the validation images.
        rates: Fractions of labels to flip, of training and of validation.
        cropped: Whether training images are cropped and mirrored by chance.
    """

    name: str
    kind: str
    data: Data
    training: np.ndarray
    validation: np.ndarray
    rates: tuple[float, float] = (0.0, 0.0)
    cropped: bool = False


def read_photos(folder: pathlib.Path) -> Data:
    """Read photos of class folders at 64 pixels."""
    images, labels, validation = [], [], []
    for part in ("train", "validation"):
        for label, of_class in enumerate(sorted((folder / part).iterdir())):
            for path in sorted(of_class.iterdir()):
                with Image.open(path) as image:
                    small = image.convert("RGB").resize(
                        (SIDE, SIDE), Image.Resampling.BILINEAR
                    )
                images.append(np.asarray(small))
                labels.append(label)
                validation.append(part == "validation")
    return Data(np.stack(images), np.array(labels), np.array(validation))


def read_cifar(archive: pathlib.Path) -> Data:
    """Read the first images of each class."""
    with np.load(archive) as arrays:
        blob, ends = arrays["train_jpeg"], arrays["train_offsets"]
        labels = arrays["train_labels"].astype(int)
    classes = range(labels.max() + 1)
    chosen = [np.flatnonzero(labels == c)[:CIFAR_IMAGES] for c in classes]
    numbers = np.concatenate(chosen)
    images = []
    for number in numbers:
        jpeg = blob[ends[number] : ends[number + 1]].tobytes()
        with Image.open(io.BytesIO(jpeg)) as image:
            images.append(np.asarray(image.convert("RGB")))
    return Data(np.stack(images), labels[numbers])


def make_cases(photos: Data, cifar: Data, seed: int) -> Iterator[Case]:
    """Yield the cases of a seed, clean ones first."""
    for count in SUBSETS:
        own, validation = draw(photos, np.arange(len(photos.labels)), count, seed)
        yield Case(f"photos_{count}", "clean photos", photos, own, validation)
    first = seed * PAIRS_AT_A_TIME
    for number in range(first, first + PAIRS_AT_A_TIME):
        pair = PAIRS[number % len(PAIRS)]
        inside = np.flatnonzero(np.isin(cifar.labels, pair))
        count = SUBSETS[number % len(SUBSETS)]
        own, validation = draw(cifar, inside, count, seed)
        name = f"cifar_{pair[0]}{pair[1]}_{count}"
        yield Case(name, "clean CIFAR-10 pairs", cifar, own, validation)
    for classes in MANY_CLASSES:
        some = np.random.default_rng(seed).permutation(10)[:classes]
        inside = np.flatnonzero(np.isin(cifar.labels, some))
        own, validation = draw(cifar, inside, 2000, seed)
        kind = "clean CIFAR-10, 3 to 10 classes"
        yield Case(f"cifar_{classes}_classes", kind, cifar, own, validation)
    frequent = np.flatnonzero(photos.labels == seed % 2)
    rare = np.flatnonzero(photos.labels != seed % 2)
    rare = np.random.default_rng(seed).permutation(rare)[: len(frequent) // RARE]
    own, validation = draw(photos, np.concatenate([frequent, rare]), 3000, seed)
    yield Case("photos_9_to_1", "clean photos, classes 9 to 1", photos, own, validation)
    own, validation = draw(photos, np.arange(len(photos.labels)), 3000, seed)
    kind = "clean photos, training cropped and mirrored"
    yield Case("photos_cropped", kind, photos, own, validation, cropped=True)
    for rate, both in itertools.product(RATES, (False, True)):
        kind = f"photos, {rate:.0%} flipped in {'both splits' if both else 'training'}"
        name = f"flipped_{rate:.0%}_{'both' if both else 'training'}"
        yield Case(name, kind, photos, own, validation, (rate, rate * both))


def draw(data: Data, inside: np.ndarray, count: int, seed: int):
    """Return numbers of training and validation images, two to one."""
    generator = np.random.default_rng(seed)
    inside = generator.permutation(inside)
    if data.validation is None:
        own, validation = np.split(inside[:count], [count * 2 // 3])
        return own, validation
    own, validation = inside[~data.validation[inside]], inside[data.validation[inside]]
    return own[: count * 2 // 3], validation[: count - count * 2 // 3]


def crop(images: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Cut out four fifths to all of each image and mirror half of them."""
    out = np.empty_like(images)
    size = images.shape[1]
    for place, image in enumerate(images):
        side = int(generator.integers(size * 4 // 5, size + 1))
        top, left = generator.integers(0, size - side + 1, 2)
        part = Image.fromarray(image[top : top + side, left : left + side])
        out[place] = np.asarray(part.resize((size, size), Image.Resampling.BILINEAR))
        if generator.random() < 0.5:
            out[place] = out[place][:, ::-1]
    return out


def examine(case: Case, seed: int) -> dict:
    """Flip labels, examine and return a row of the table."""
    generator = np.random.default_rng([seed, 1])
    # Class numbers without gaps, in the order of those that occur.
    classes = np.unique(case.data.labels[case.training])
    splits, flips = [], []
    for numbers, rate in zip((case.training, case.validation), case.rates, strict=True):
        images = case.data.images[numbers]
        labels = np.searchsorted(classes, case.data.labels[numbers])
        wrong = generator.random(len(labels)) < rate
        other = generator.integers(1, len(classes), len(labels))
        labels = np.where(wrong, (labels + other) % len(classes), labels)
        if case.cropped and not splits:
            images = crop(images, generator)
        splits.append(Samples(images, labels, None, (len(labels),)))
        flips.append(wrong)
    begin = time.perf_counter()
    found = estimate_label_noise(*splits)
    if found is None:
        raise ValueError(f"expected images to examine, received none in {case.name}")
    suspects = [suspect.position for suspect in found.suspects]
    fraction, low, high = found.fraction
    return {
        "case": case.name,
        "seed": seed,
        "kind": case.kind,
        "training": splits[0].count,
        "validation": splits[1].count,
        "verdict": "label_noise" if found.proved else "",
        "comparable": found.comparable,
        "fraction": round(fraction, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "z": round(found.excess.z, 2) if found.excess else "",
        "family_z": round(min(found.family_z), 2) if found.family_z else "",
        "ratio": round(found.plateau.ratio, 2) if found.plateau else "",
        "smallest_detectable": round(found.detectable, 3),
        "accuracy": round(found.accuracy, 3),
        "suspects": len(suspects),
        "flips": int(flips[0].sum()),
        "flips_among_suspects": int(flips[0][suspects].sum()),
        "seconds": round(time.perf_counter() - begin, 1),
    }


def summarize(rows: list[dict[str, str]]) -> str:
    """Return a table: how often each kind got the verdict, with its 95% interval."""
    lines = [
        "| labels | examinations | `label_noise` | 95% interval | flips among the "
        "suspects | suspects that are flips |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        own = [row for row in rows if row["kind"] == kind]
        proved = [row for row in own if row["verdict"]]
        low, high = stats.binomtest(len(proved), len(own)).proportion_ci()
        found, flips, suspects = (
            sum(int(row[name]) for row in proved)
            for name in ("flips_among_suspects", "flips", "suspects")
        )
        fractions = (
            f"{found / flips:.0%} | {found / suspects:.0%}"
            if flips and suspects
            else " | "
        )
        lines.append(
            f"| {kind} | {len(own)} | {len(proved)} | {low:.1%} to {high:.1%} "
            f"| {fractions} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Examine what has no row yet, then count."""
    parser = argparse.ArgumentParser(description="Verdicts on labels, right and wrong.")
    parser.add_argument("photos", type=pathlib.Path)
    parser.add_argument("cifar", type=pathlib.Path)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(10)))
    parser.add_argument("--only", default="", help="part of the names of cases")
    parser.add_argument("--output", type=pathlib.Path, default="runs/label_noise")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    table = options.output / "results.csv"
    rows: list[dict] = []
    if table.exists():
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
    done = {(row["case"], int(row["seed"])) for row in rows}
    photos, cifar = read_photos(options.photos), read_cifar(options.cifar)
    for seed in options.seeds:
        for case in make_cases(photos, cifar, seed):
            if options.only not in case.name or (case.name, seed) in done:
                continue
            row = examine(case, seed)
            with table.open("a", newline="") as file:
                writer = csv.DictWriter(file, list(row))
                if not rows:
                    writer.writeheader()
                writer.writerow(row)
            rows.append(row)
            print(*row.values(), flush=True)
    summary = summarize(rows)
    (options.output / "summary.md").write_text(summary)
    print(summary)


if __name__ == "__main__":
    main()
