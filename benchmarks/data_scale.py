"""Measures how the start of a training and its memory grow with the number of images.

    python -m benchmarks.data_scale [--counts 2000,24000,200000] [--side 32]
        [--caches auto,disk,none] [--folder DIR] [--json FILE]

Folders of that many small JPEG files are made: a few hundred different ones, of which
the others are hard links. Every row is a process of its own with the settings of an app
(two parts, no examination): it lists and divides the files, opens the images and takes
the first batch of an epoch, then as many batches as --batches says. The first row of
each cache decodes all images, the second one finds what the first has left. Seconds are
given by the wall and of all processors, as the machine may do other work as well;
memory is the peak of the process above what it had with TensorFlow imported and one
batch of a tiny data set taken.
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DIFFERENT = 256
TINY = 64


def make_folder(folder: pathlib.Path, count: int, file_side: int) -> None:
    """Write class folders of JPEG files, all but a few of them links."""
    from PIL import Image

    draw = np.random.default_rng(0)
    first = []
    for number in range(min(DIFFERENT, count)):
        small = draw.integers(0, 256, (8, 8, 3), np.uint8)
        file = folder / "files" / f"{number}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(small).resize((file_side, file_side)).save(file, quality=85)
        first.append(str(file))
    classes = 1000 if count > 10**6 else 10
    for label in range(classes):
        (folder / "data" / f"class{label:03}").mkdir(parents=True)
    for number in range(count):
        name = f"{folder}/data/class{number % classes:03}/image{number:07}.jpg"
        os.link(first[number % len(first)], name)


def clocks() -> np.ndarray:
    """Return seconds by the wall, and seconds of all processors in this process."""
    return np.array([time.perf_counter(), time.process_time()])


def peak() -> int:
    """Return the largest memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def start(folder: pathlib.Path, cache: str, side: int, batches: int) -> dict:
    """Start a training as an app does, and take its first batches."""
    from kerasnorm.training.inputs import batches as batching
    from kerasnorm.training.inputs import loading, run_files
    from kerasnorm.training.settings import Settings

    settings = Settings(
        data=str(folder), cache=cache, image_size=side, quiet=True, batch_size=32
    )
    marks = [clocks()]
    files = run_files.find_run_files(settings)
    marks.append(clocks())
    images, note = loading.open_parts(settings, files.parts)
    data = loading.Data(images["train"], images["validation"], [])
    marks.append(clocks())
    stream = iter(batching.training_batches(settings, data))
    next(stream)
    marks.append(clocks())
    for _ in range(batches):
        next(stream)
    marks.append(clocks())
    names = ("index", "open", "first_batch", "batches")
    parts = dict(zip(names, np.diff(marks, axis=0).tolist(), strict=True))
    return {"note": note, "to_first": (marks[3] - marks[0]).tolist(), **parts}


def measure(options: argparse.Namespace) -> None:
    """Measure one row in this process and print it as JSON."""
    tiny, folder, cache = options.measure
    start(pathlib.Path(tiny), cache, options.side, 1)
    begin = peak()
    again = start(pathlib.Path(tiny), cache, options.side, options.batches)
    found = start(pathlib.Path(folder), cache, options.side, options.batches)
    print(
        json.dumps({**found, "memory": peak() - begin, "empty": again["to_first"]}),
        flush=True,
    )


def main() -> None:
    """Make the folders, measure all rows, print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--counts", default="2000,24000,200000")
    parser.add_argument("--caches", default="auto,disk,none")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--file-side", type=int, default=48)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options)
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as temporary:
        rows = list(measured(options, pathlib.Path(temporary)))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


def measured(options: argparse.Namespace, temporary: pathlib.Path):
    """Yield all rows, and print each."""
    print(
        "| images | cache | run | index s | open s | first step s | above empty s "
        "| CPU s | memory MB |\n|" + " --- |" * 9
    )
    make_folder(temporary / "tiny", TINY, options.file_side)
    for count in map(int, options.counts.split(",")):
        folder = temporary / str(count)
        make_folder(folder, count, options.file_side)
        for cache in options.caches.split(","):
            home = temporary / f"cache_{cache}"
            for run in ("first", "second"):
                row = run_one(options, temporary, folder, cache, home)
                row |= {"images": count, "cache": cache, "run": run}
                above = row["to_first"][0] - row["empty"][0]
                print(
                    f"| {count:,} | {cache} | {run} | {row['index'][0]:.2f} | "
                    f"{row['open'][0]:.2f} | {row['to_first'][0]:.2f} | {above:.2f} | "
                    f"{row['to_first'][1]:.2f} | {row['memory'] / 1e6:.0f} |",
                    flush=True,
                )
                yield row
            shutil.rmtree(home)
        shutil.rmtree(folder)


def run_one(options, temporary, folder, cache, home) -> dict:
    """Measure one row in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.data_scale"]
    for name in ("side", "batches"):
        command += [f"--{name}", str(getattr(options, name))]
    command += ["--measure", str(temporary / "tiny" / "data"), str(folder / "data")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(home)}
    done = subprocess.run(
        [*command, cache], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
