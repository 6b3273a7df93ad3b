"""Cats against dogs from a few thousand photos: the well-known walkthrough and ours.

    python -m benchmarks.cats_dogs_record DIR [--minutes 12 45] [--seeds 0]
    python -m benchmarks.cats_dogs_record DIR --ablation --minutes 5 --seeds 0 1

DIR holds train/ and validation/ with class folders. The walkthrough is four blocks of
convolution and pooling fed by Keras' legacy ImageDataGenerator; ours is the app at its
defaults for photos. Every training runs alone, in a process of its own, and what has
finished is kept in --output and not trained again. Accuracy is measured on all
validation photos, wall time from the first step on.

With --ablation the app is trained again and again with one part changed.
"""

import argparse
import csv
import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time

from benchmarks import record_page

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIDE = 150
BATCH = 32
# What is changed, one at a time. The narrow network costs about what the wide one
# on its coarser map does.
PARTS = {
    "everything": [],
    "AdamW, not Muon": ["--optimizer", "adamw", "--learning-rate", "0.003"],
    "no growing images": ["--no-progressive-resizing"],
    "float32": ["--precision", "float32"],
    "narrow network, fine map": ["--width", "32", "--stem-strides", "2"],
    "wider network": ["--width", "96"],
    "no MixUp": ["--mixup", "0"],
    "no CutMix": ["--cutmix", "0"],
    "no label smoothing": ["--label-smoothing", "0"],
    "no random erasing": ["--random-erasing", "0"],
    "zoom 0.2": ["--zoom-range", "0.2"],
    "random crops": [
        *("--crop-area", "0.3", "--zoom-range", "0"),
        *("--image-size", "128", "--train-size", "96"),
    ],
    "whole images": ["--image-size", "96", "--center-crop", "1"],
    "weight decay 0.02": ["--weight-decay", "0.02"],
    "no colour jitter": ["--color-jitter", "0"],
    "no warping": [
        *("--rotation-range", "0", "--shear-range", "0", "--zoom-range", "0"),
        *("--width-shift-range", "0", "--height-shift-range", "0"),
    ],
    "sharpness-aware (SAM)": ["--sam", "0.1"],
}


@dataclasses.dataclass(frozen=True)
class Training:
    """The course of one training.

    Args:
        name: What was trained.
        seed: Its seed.
        seconds: Wall time at the end of every epoch.
        accuracy: Validation accuracy after every epoch, 0 to 1.
        final_accuracy: Validation accuracy of what the training leaves behind.
        images_per_second: Training images a second: of ours the median over the
            epochs without validation, of the walkthrough the mean with it.
        verdict: The doctor's verdict; nothing for the walkthrough.
    """

    name: str
    seed: int
    seconds: list[float]
    accuracy: list[float]
    final_accuracy: float
    images_per_second: float
    verdict: str | None = None


def walkthrough(directory, epochs, seed, progress):
    """Train the walkthrough's network the walkthrough's way.

    Args:
        directory: Folder with train/ and validation/.
        epochs: Passes over the training photos.
        seed: Seed of weights, order and augmentation.
        progress: Called with the seconds and the validation accuracy of every epoch.
    """
    import keras
    from keras import layers
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = inputs
    for filters in (32, 64, 128, 128):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dense(512, activation="relu")(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile(
        keras.optimizers.RMSprop(1e-4), "binary_crossentropy", metrics=["accuracy"]
    )
    augmented = ImageDataGenerator(
        rescale=1 / 255,
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
    )
    options = {
        "target_size": (SIDE, SIDE),
        "batch_size": BATCH,
        "class_mode": "binary",
    }
    train = augmented.flow_from_directory(
        os.path.join(directory, "train"), seed=seed, **options
    )
    validation = ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        os.path.join(directory, "validation"), shuffle=False, **options
    )
    began = time.perf_counter()

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            progress(time.perf_counter() - began, logs["val_accuracy"])

    model.fit(
        train, epochs=epochs, validation_data=validation, callbacks=[Watch()], verbose=0
    )


def train_walkthrough(arguments, seed):
    """Run the walkthrough in a process of its own and return its course."""
    command = [sys.executable, "-m", "benchmarks.cats_dogs_record", arguments.directory]
    command += ["--walkthrough-only", "--epochs", str(arguments.epochs)]
    lines = []
    with subprocess.Popen(
        [*command, "--seeds", str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith("{"):
                lines.append(json.loads(line))
                print(f"  {lines[-1]}", flush=True)
    if process.returncode:
        sys.exit(f"the walkthrough ended with exit status {process.returncode}")
    accuracy = [line["accuracy"] for line in lines]
    photos = sum(1 for _ in pathlib.Path(arguments.directory, "train").glob("*/*"))
    return Training(
        name="walkthrough",
        seed=seed,
        seconds=[line["seconds"] for line in lines],
        accuracy=accuracy,
        final_accuracy=max(accuracy),
        images_per_second=photos * len(lines) / lines[-1]["seconds"],
    )


def train_ours(arguments, name, minutes, flags, seed):
    """Run the app in a process of its own and return its course."""
    run_name = f"{name}-{seed}".replace(" ", "_").replace(",", "")
    runs = pathlib.Path(arguments.output, "runs")
    directory = runs / "cats_dogs" / run_name
    # A training that was interrupted continues.
    told = ["--resume", str(directory)]
    if not directory.exists():
        told = [
            *("--data", arguments.directory, "--max-minutes", str(minutes)),
            *("--seed", str(seed), "--runs", str(runs), "--name", run_name),
            *flags,
        ]
    subprocess.run([sys.executable, "-m", "apps.cats_dogs", *told], check=True)
    return read_course(directory, name, seed)


def read_course(run, name, seed):
    """Read the course of a finished run of the app.

    Args:
        run: The run directory.
        name: What was trained.
        seed: Its seed.
    """
    with open(run / "history.csv", newline="") as file:
        history = list(csv.DictReader(file))
    report = json.loads((run / "report.json").read_text())
    return Training(
        name=name,
        seed=seed,
        seconds=list(itertools.accumulate(float(row["seconds"]) for row in history)),
        accuracy=[float(row["val_accuracy"]) for row in history],
        final_accuracy=report["validation_accuracy"],
        images_per_second=report["images_per_second"],
        verdict=(report["examination"] or {}).get("verdict"),
    )


def once(output, name, seed, train):
    """Return a kept training, or train and keep it.

    Args:
        output: Folder of the results.
        name: What is trained.
        seed: Its seed.
        train: Called without arguments to train.
    """
    file = pathlib.Path(output) / f"{name}-{seed}.json".replace(" ", "_")
    if file.exists():
        return Training(**json.loads(file.read_text()))
    print(f"{name}, seed {seed}", flush=True)
    training = train()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(dataclasses.asdict(training)))
    return training


def main():
    parser = argparse.ArgumentParser(description="The record of cats against dogs.")
    parser.add_argument("directory", help="folder with train/ and validation/")
    parser.add_argument("--minutes", type=float, nargs="+", default=[12.0, 45.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=20, help="of the walkthrough")
    parser.add_argument("--output", default="runs/cats_dogs_record")
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--walkthrough-only", action="store_true")
    arguments = parser.parse_args()
    if arguments.walkthrough_only:
        walkthrough(
            arguments.directory,
            arguments.epochs,
            arguments.seeds[0],
            lambda seconds, accuracy: print(
                json.dumps({"seconds": seconds, "accuracy": float(accuracy)}),
                flush=True,
            ),
        )
        return

    def ours(name, minutes, flags, seed):
        return once(
            arguments.output,
            name,
            seed,
            lambda: train_ours(arguments, name, minutes, flags, seed),
        )

    if arguments.ablation:
        minutes = arguments.minutes[0]
        trainings = [
            ours(f"{part}, {minutes:g} minutes", minutes, PARTS[part], seed)
            for seed in arguments.seeds
            for part in arguments.parts
        ]
        record_page.write_ablation(trainings, arguments.output)
        return
    trainings = [
        ours(f"ours, {minutes:g} minutes", minutes, [], seed)
        for seed in arguments.seeds
        for minutes in arguments.minutes
    ]
    trainings += [
        once(
            arguments.output,
            "walkthrough",
            seed,
            lambda seed=seed: train_walkthrough(arguments, seed),
        )
        for seed in arguments.seeds
    ]
    record_page.write_record(trainings, arguments.output)


if __name__ == "__main__":
    main()
