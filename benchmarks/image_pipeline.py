"""Measures how fast, and in how much memory, image files become training batches.

    python -m benchmarks.image_pipeline DIR [--limit 500] [--repeats 3] [--json FILE]

DIR holds class folders of JPEG files. Every row runs in a process of its own, row by
row and round by round, so that no row inherits another's memory or a quiet moment of
the machine. It takes one batch first, whose time (building, compiling) is the column
"to first"; then the pipeline is made again, with nothing decoded, and whole epochs are
counted: images a second, and milliseconds of all processors for an image. The apps load
all images while their pipeline is made, so making it counts in their first epoch. On
a machine that does other work as well, only processor time means something. With
--files, a folder of that many small files is made and indexed as well.
"""

import argparse
import gc
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.image_pipelines import ROWS, files_of

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

LATER_EPOCHS = 3


def clocks():
    """Return seconds by the wall, and seconds of all processors in this process."""
    return np.array([time.perf_counter(), time.process_time()])


def count(epoch):
    """Return seconds by both clocks for each image of an epoch."""
    start = clocks()
    images = 0
    for batch in epoch():
        images += len(batch[0] if isinstance(batch, tuple | list) else batch)
    return (clocks() - start) / images


def measure_row(name, directory):
    """Measure one row in this process and print the figures as JSON."""
    import tensorflow as tf

    maker, which = ROWS[name]
    tf.zeros(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    epoch = maker(directory)
    start = clocks()
    next(iter(epoch()))
    wait = (clocks() - start)[0]
    del epoch
    gc.collect()
    start = clocks()
    epoch = maker(directory)
    made = (clocks() - start) / len(files_of(directory))
    seconds = count(epoch)
    if which == "made and first":
        seconds += made
    if which == "later":
        seconds = np.median([count(epoch) for _ in range(LATER_EPOCHS)], axis=0)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, processors = seconds.tolist()
    figures = {"rate": 1 / wall, "milliseconds": 1000 * processors, "wait": wait}
    print(json.dumps(figures | {"before": before, "after": after}))


def measure_index(directory):
    """Index a folder in this process and print seconds, files and memory."""
    from kerasnorm.data import index_directory

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    files = len(index_directory(directory))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "files": files, "kB": after - before}))


def in_own_process(*arguments):
    """Run this program for one figure and return what it printed."""
    command = [sys.executable, "-m", "benchmarks.image_pipeline", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.splitlines()[-1])


def measure_rows(directory, repeats, names):
    """Measure all rows in turn, so many times; return the rows of the table."""
    found = {name: [] for name in names}
    for turn in range(repeats):
        for name in names:
            found[name].append(in_own_process(str(directory), "--row", name))
            print(f"\r{turn + 1}/{repeats} {name:<28}", end="", file=sys.stderr)
    print("\r" + " " * 40, end="\r", file=sys.stderr)
    return [
        {
            "row": name,
            "images_per_second": statistics.median(one["rate"] for one in runs),
            "lowest": min(one["rate"] for one in runs),
            "highest": max(one["rate"] for one in runs),
            "processor_milliseconds": statistics.median(
                one["milliseconds"] for one in runs
            ),
            "lowest_milliseconds": min(one["milliseconds"] for one in runs),
            "highest_milliseconds": max(one["milliseconds"] for one in runs),
            "seconds_to_first_batch": statistics.median(one["wait"] for one in runs),
            "peak_megabytes": statistics.median(one["after"] for one in runs) / 1e3,
            "tensorflow_megabytes": statistics.median(one["before"] for one in runs)
            / 1e3,
        }
        for name, runs in found.items()
    ]


def measure_indexing(files):
    """Make folders of a quarter, half and all of the files, and index each."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        made = 0
        for part in (files // 4, files // 2, files):
            for number in range(made, part):
                # Names as photo collections have them: thousands to a folder.
                place = pathlib.Path(folder, f"class{number % 10}", str(number // 5000))
                if number < 10 or number % 5000 < 10:
                    place.mkdir(parents=True, exist_ok=True)
                (place / f"image.{number}.jpg").write_bytes(b"\xff\xd8")
            made = part
            rows.append(in_own_process(folder, "--index-only"))
    return rows


def print_table(rows, indexing):
    """Print the figures, and the ratios that the design asks for."""
    print(
        f"{'':<26}{'images/s':>10}{'spread':>14}{'CPU ms':>8}{'spread':>14}"
        f"{'to first':>10}{'peak MB':>9}"
    )
    for row in rows:
        spread = f"{row['lowest']:.0f}-{row['highest']:.0f}"
        of_processors = (
            f"{row['lowest_milliseconds']:.2f}-{row['highest_milliseconds']:.2f}"
        )
        print(
            f"{row['row']:<26}{row['images_per_second']:>10.0f}{spread:>14}"
            f"{row['processor_milliseconds']:>8.2f}{of_processors:>14}"
            f"{row['seconds_to_first_batch']:>9.1f}s{row['peak_megabytes']:>9.0f}"
        )
    rates = {row["row"]: row["images_per_second"] for row in rows}
    costs = {row["row"]: row["processor_milliseconds"] for row in rows}
    for ours, other in (
        ("ours, later epochs", "legacy class"),
        ("ours, later epochs", "Keras Random* layers"),
        ("ours, first epoch", "decode only"),
        ("ours, apps: later epochs", "legacy class"),
        ("ours, apps: later epochs", "Keras Random* layers"),
        ("ours, apps: first epoch", "decode only"),
    ):
        if {ours, other} <= rates.keys():
            print(
                f"{ours} / {other}: {rates[ours] / rates[other]:.2f}, by processor "
                f"time {costs[other] / costs[ours]:.2f}"
            )
    # A first epoch does all that a later epoch does, and before that makes the images
    # to be cached; TensorFlow alone makes them without a line of Python.
    for first, later, decoding in (
        ("ours, first epoch", "ours, later epochs", "decode, nearest"),
        (
            "ours, apps: first epoch",
            "ours, apps: later epochs",
            "decode half, antialiased",
        ),
    ):
        if {later, decoding, "decode only"} <= costs.keys():
            fraction = costs["decode only"] / (costs[later] + costs[decoding])
            print(
                f"{first} / decode only: {fraction:.2f} by processor time, if "
                f"TensorFlow alone made the images ({decoding!r}) for {later!r}"
            )
    for row in indexing:
        print(
            f"index of {row['files']} files: {row['seconds']:.2f} s, "
            f"{row['kB'] / 1e3:.0f} MB"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", help="folder of class folders of JPEG files")
    parser.add_argument("--repeats", type=int, default=3, help="runs of every row")
    parser.add_argument("--limit", type=int, help="use so many files of each class")
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=ROWS)
    parser.add_argument(
        "--files", type=int, default=0, help="index so many small files"
    )
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here")
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    parser.add_argument("--index-only", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        return measure_row(arguments.row, arguments.directory)
    if arguments.index_only:
        return measure_index(arguments.directory)
    with tempfile.TemporaryDirectory() as folder:
        directory = arguments.directory
        if arguments.limit:
            directory = limited(directory, arguments.limit, folder)
        rows = measure_rows(directory, arguments.repeats, arguments.rows)
    indexing = measure_indexing(arguments.files) if arguments.files else []
    print_table(rows, indexing)
    if arguments.json:
        figures = {"repeats": arguments.repeats, "rows": rows, "indexing": indexing}
        arguments.json.write_text(json.dumps(figures, indent=2))


def limited(directory, limit, folder):
    """Make a folder of links to the first files of each class."""
    for place in sorted(pathlib.Path(directory).iterdir()):
        if place.is_dir():
            pathlib.Path(folder, place.name).mkdir()
            for path in sorted(place.iterdir())[:limit]:
                pathlib.Path(folder, place.name, path.name).symlink_to(path.resolve())
    return folder


if __name__ == "__main__":
    main()
