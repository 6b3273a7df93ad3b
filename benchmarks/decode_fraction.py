"""What decoding at a fraction saves, and by how much the images differ from the whole.

python -m benchmarks.decode_fraction PHOTOS [--side 108] [--count 400] [--json FILE]
python -m benchmarks.decode_fraction PHOTOS --accuracy [--seeds 3]   trains, for hours

JPEG files can be decoded at 1/2, 1/4 or 1/8 of their size for a fraction of the work.
The apps take the smallest that is not below the side they need, and resize from there
with antialiasing. The table gives processor milliseconds an image, and the mean
absolute difference, of 255 levels, from decoding in full and resizing the same way.
"""

import argparse
import io
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from kerasnorm.data.images import decode
from kerasnorm.data.images.limits import read_file
from kerasnorm.data.sources.source import open_files

BOX, BILINEAR = Image.Resampling.BOX, Image.Resampling.BILINEAR
REPEATS = 3


def ways(side: int) -> dict[str, Callable[[str, bytes], np.ndarray]]:
    """Return the ways to a square image; "full" is what others are compared with."""
    import tensorflow as tf

    size = (side, side)

    def whole(name, content):
        with Image.open(io.BytesIO(content)) as file:
            return np.asarray(file.convert("RGB").resize(size, BILINEAR))

    def draft(filter_, gap=None):
        def read(name, content):
            with Image.open(io.BytesIO(content)) as file:
                file.draft("RGB", size)
                image = file.convert("RGB")
                return np.asarray(image.resize(size, filter_, reducing_gap=gap))

        return read

    def tensorflow(name, content):
        with Image.open(io.BytesIO(content)) as file:
            ratios = (r for r in (8, 4, 2, 1) if min(file.size) // r >= side or r == 1)
            ratio = next(ratios)
        image = tf.io.decode_jpeg(content, 3, ratio=ratio, dct_method="INTEGER_FAST")
        resized = tf.image.resize(image, size, "area")
        return np.round(resized.numpy()).astype(np.uint8)

    return {
        "full": whole,
        "apps (fraction, bilinear)": lambda name, content: decode.decode_content(
            name, content, size
        ),
        "fraction, box": draft(BOX),
        "fraction, reducing_gap 2": draft(BILINEAR, 2.0),
        "fraction, nearest": draft(Image.Resampling.NEAREST),
        "tf.io.decode_jpeg(ratio), area": tensorflow,
    }


def measure(contents: list[tuple[str, bytes]], side: int) -> list[dict]:
    """Return a row for each way."""
    rows, reference = [], []
    for way, read in ways(side).items():
        images = [read(*pair) for pair in contents]
        reference = reference or images
        seconds = []
        for _ in range(REPEATS):
            begin = time.process_time()
            for pair in contents:
                read(*pair)
            seconds.append(time.process_time() - begin)
        differences = [
            np.abs(image.astype(int) - whole).mean()
            for image, whole in zip(images, reference, strict=True)
        ]
        rows.append(
            {
                "way": way,
                "cpu_ms": 1000 * min(seconds) / len(contents),
                "difference": float(np.mean(differences)),
                "largest_difference": float(np.max(differences)),
            }
        )
    return rows


def train(photos: str, seeds: int) -> None:
    """Train the quick preset with and without fractions, and print both accuracies."""
    without = (
        "import sys, PIL.JpegImagePlugin as p\n"
        "p.JpegImageFile.draft = lambda self, mode, size: None\n"
        "from apps import cats_dogs\n"
        "from kerasnorm.training.commands.command_line import main\n"
        "sys.exit(main(cats_dogs.APP))\n"
    )
    programs = {"fraction": ["-m", "apps.cats_dogs"], "full": ["-c", without]}
    for way, program in programs.items():
        found = []
        for seed in range(seeds):
            words = ["--data", photos, "--preset", "quick", "--seed", str(seed)]
            # Decoded images of the other way must not be found again.
            words += ["--cache", "memory"]
            done = subprocess.run(
                [sys.executable, *program, *words],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            run = pathlib.Path(done.stdout.splitlines()[-1])
            report = json.loads((run / "report.json").read_text())
            found.append(report["validation_accuracy"])
        spread = statistics.stdev(found) if seeds > 1 else 0.0
        print(f"{way:10} {statistics.mean(found):.4f} +- {spread:.4f}  {found}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos")
    parser.add_argument("--side", type=int, nargs="+", default=[64, 96, 108, 150])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--json")
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.accuracy:
        train(options.photos, options.seeds)
        return
    index = next(iter(open_files(options.photos).parts.values()))
    step = max(len(index) // options.count, 1)
    contents = [(path, read_file(path)) for path in index.paths[::step]]
    contents = [pair for pair in contents if pair[1].startswith(b"\xff\xd8")]
    found = {}
    for side in options.side:
        found[side] = measure(contents, side)
        print(f"\n{len(contents)} photos to {side} px")
        for row in found[side]:
            print(
                f"{row['way']:32} {row['cpu_ms']:6.2f} ms  "
                f"difference {row['difference']:.2f} (at most "
                f"{row['largest_difference']:.2f})"
            )
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
