"""Measures how fast, and in how much memory, image files become training batches.

    python -m benchmarks.image_pipeline DIR [--limit 500] [--repeats 3] [--json FILE]

DIR holds class folders of JPEG files. Every row runs in a process of its own, row by
row and round by round, so that no row inherits another's memory or a quiet moment of
the machine. Images a second are counted from the first batch on; what came before it
(building, compiling) is the column "to first batch". With --files, a folder of that
many small files is made and indexed as well.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZE = (150, 150)
BATCH = 32
# The walkthrough that everybody knows; Keras' layers and ours take the same ranges.
WALKTHROUGH = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 0.2,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "fill_mode": "nearest",
}


def legacy(directory):
    """Keras' ImageDataGenerator."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    flow = ImageDataGenerator(**WALKTHROUGH).flow_from_directory(
        directory, target_size=SIZE, batch_size=BATCH
    )
    return lambda: (flow[index] for index in range(len(flow)))


def keras_layers(directory):
    """Keras' Random* layers over image_dataset_from_directory."""
    import keras
    import tensorflow as tf

    data = keras.utils.image_dataset_from_directory(
        directory, image_size=SIZE, batch_size=BATCH, verbose=False
    )
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(40 / 360, "nearest"),
        keras.layers.RandomTranslation(0.2, 0.2, "nearest"),
        keras.layers.RandomShear(0.0035, 0.0, fill_mode="nearest"),
        keras.layers.RandomZoom(0.2, 0.2, "nearest"),
    ]

    def vary(images, labels):
        for layer in layers:
            images = layer(images, training=True)
        return images, labels

    data = data.map(vary, num_parallel_calls=tf.data.AUTOTUNE)
    return lambda: iter(data.prefetch(tf.data.AUTOTUNE))


def generator(directory, **options):
    """Our ImageDataGenerator's pipeline."""
    from kerasnorm.data import ImageDataGenerator

    flow = ImageDataGenerator(**WALKTHROUGH, **options).flow_from_directory(
        directory, target_size=SIZE, batch_size=BATCH
    )
    data = flow.as_dataset()
    return lambda: iter(data)


def generator_uncached(directory):
    """Our ImageDataGenerator's pipeline without a cache."""
    return generator(directory, cache="none")


def engine(directory):
    """What the apps use: load_pictures, then training_batches."""
    from kerasnorm.data import (
        Augmentation,
        index_directory,
        load_pictures,
        training_batches,
    )

    index = index_directory(directory)
    loaded = []

    def epoch():
        if not loaded:
            loaded.append(load_pictures(index, SIZE))
            data = training_batches(loaded[0], BATCH, Augmentation(**WALKTHROUGH))
            loaded.append(iter(data))
        return (next(loaded[1]) for _ in range(len(loaded[0]) // BATCH))

    return epoch


def decode_only(directory):
    """TensorFlow's decode_jpeg alone: no resizing, no batches of pictures."""
    import tensorflow as tf

    paths = [str(path) for path in sorted(pathlib.Path(directory).rglob("*.jpg"))]

    def decode(path):
        return tf.shape(tf.io.decode_jpeg(tf.io.read_file(path), channels=3))

    data = tf.data.Dataset.from_tensor_slices(paths)
    data = data.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    return lambda: iter(data.prefetch(tf.data.AUTOTUNE))


# Name of the row: its maker, and which epochs are counted.
ROWS = {
    "legacy class": (legacy, "first"),
    "Keras Random* layers": (keras_layers, "first"),
    "ours, first epoch": (generator, "first"),
    "ours, later epochs": (generator, "later"),
    "ours, no cache": (generator_uncached, "later"),
    "ours, apps: first epoch": (engine, "first"),
    "ours, apps: later epochs": (engine, "later"),
    "decode only": (decode_only, "first"),
}
LATER_EPOCHS = 3


def count(epoch):
    """Return images a second after the first batch, and seconds up to it."""
    start = time.perf_counter()
    batches = epoch()
    sizes = []
    first = None
    for batch in batches:
        sizes.append(len(batch[0] if isinstance(batch, tuple | list) else batch))
        first = first or time.perf_counter()
    return sum(sizes[1:]) / (time.perf_counter() - first), first - start


def measure_row(name, directory):
    """Measure one row in this process and print the figures as JSON."""
    import tensorflow as tf

    maker, which = ROWS[name]
    tf.zeros(1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    epoch = maker(directory)
    if maker is engine and which == "first":
        # Loading is the first epoch: there is no batch before its end.
        start = time.perf_counter()
        images = sum(len(images) for images, _ in epoch())
        rate, wait = images / (time.perf_counter() - start), 0.0
    else:
        rate, wait = count(epoch)
    if which == "later":
        rate = statistics.median(count(epoch)[0] for _ in range(LATER_EPOCHS))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rate": rate, "wait": wait, "before": before, "after": after}))


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
                (place / f"picture.{number}.jpg").write_bytes(b"\xff\xd8")
            made = part
            rows.append(in_own_process(folder, "--index-only"))
    return rows


def print_table(rows, indexing):
    """Print the figures, and the ratios that the design asks for."""
    print(f"{'':<26}{'images/s':>10}{'spread':>14}{'to first':>10}{'peak MB':>9}")
    for row in rows:
        spread = f"{row['lowest']:.0f}-{row['highest']:.0f}"
        print(
            f"{row['row']:<26}{row['images_per_second']:>10.0f}{spread:>14}"
            f"{row['seconds_to_first_batch']:>9.1f}s{row['peak_megabytes']:>9.0f}"
        )
    rates = {row["row"]: row["images_per_second"] for row in rows}
    for ours, other in (
        ("ours, later epochs", "legacy class"),
        ("ours, later epochs", "Keras Random* layers"),
        ("ours, first epoch", "decode only"),
        ("ours, apps: later epochs", "legacy class"),
        ("ours, apps: later epochs", "Keras Random* layers"),
        ("ours, apps: first epoch", "decode only"),
    ):
        if ours in rates and other in rates:
            print(f"{ours} / {other}: {rates[ours] / rates[other]:.2f}")
    for first, later in (
        ("ours, first epoch", "ours, later epochs"),
        ("ours, apps: first epoch", "ours, apps: later epochs"),
    ):
        if {first, later, "decode only"} <= rates.keys():
            share = rates[later] / (rates[later] + rates["decode only"])
            print(
                f"{first} / decode only: at most {share:.2f} if files were decoded as "
                "fast and nothing came on top of a later epoch"
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
