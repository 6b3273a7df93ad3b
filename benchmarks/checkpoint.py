"""What keeping a training resumable costs: time in `Checkpoint` against the epoch.

    python -m benchmarks.checkpoint --output checkpoint.json

The network, image size, batch size and number of images are those of `make demo`,
with its checkpoint frequency; the images are random numbers. In every epoch the time
spent in the callback's hooks (gathering the state, writing, flushing to the disk,
renaming) is summed up and divided by the time of the whole epoch.
"""

import argparse
import itertools
import json
import os
import pathlib
import statistics
import tempfile
import time
from typing import Any

HOOKS = (
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_epoch_end",
)
# What the demo trains on.
IMAGES = 2000
FOLDER_FOR_WRITING = (
    "folder to write checkpoints in; the system's temporary one if none"
)


def timed(checkpoint: Any, spent: list[float]) -> Any:
    """Make a checkpoint callback add the time of its hooks to the last of `spent`."""

    def watch(hook):
        def call(*args, **kwargs):
            start = time.perf_counter()
            hook(*args, **kwargs)
            spent[-1] += time.perf_counter() - start

        return call

    for name in HOOKS:
        setattr(checkpoint, name, watch(getattr(checkpoint, name)))
    return checkpoint


def measure(epochs: int, folder: str) -> list[dict[str, float]]:
    """Train and return the seconds of each epoch after the first, which compiles."""
    import keras
    import numpy as np
    import tensorflow as tf

    from apps.cats_dogs import APP
    from kerasnorm import callbacks
    from kerasnorm.training import build
    from kerasnorm.training.loop import fitting

    settings = APP.settings.replace(**APP.presets["drawn"])
    steps = IMAGES // settings.batch_size
    model = build.build_model(settings, 2)
    build.compile_model(model, settings)
    rng = np.random.default_rng(0)
    shape = (settings.batch_size, settings.image_size, settings.image_size, 3)
    images = rng.uniform(0, 255, shape).astype("float32")
    labels = keras.utils.to_categorical(rng.integers(0, 2, settings.batch_size), 2)
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat()
    spent: list[float] = []
    ends: list[float] = []
    mark = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: (spent.append(0.0), ends.append(now())),
        on_train_end=lambda logs: ends.append(now()),
    )
    stopping = callbacks.EarlyStopping(monitor="loss", patience=epochs)
    checkpoint = callbacks.Checkpoint(
        pathlib.Path(folder) / "checkpoint", [stopping], fitting.CHECKPOINT_SECONDS
    )
    checkpoint.restore(model, (images, labels))
    model.fit(
        batches,
        steps_per_epoch=steps,
        epochs=epochs + 1,
        callbacks=[
            mark,
            *build.build_pacing(settings, steps),
            stopping,
            timed(checkpoint, spent),
        ],
        shuffle=False,
        verbose=0,
    )
    seconds = [end - start for start, end in itertools.pairwise(ends)]
    return [
        {"epoch_seconds": whole, "checkpoint_seconds": part}
        for whole, part in list(zip(seconds, spent, strict=True))[1:]
    ]


def now() -> float:
    """Return the time of a clock that never goes back."""
    return time.perf_counter()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="What checkpoints cost.")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument(
        "--folder",
        help="where to write checkpoints; the system's temporary folder by default",
    )
    parser.add_argument("--output", type=pathlib.Path, help="where the JSON goes")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        records = measure(options.epochs, folder)
    fractions = [100 * r["checkpoint_seconds"] / r["epoch_seconds"] for r in records]
    print(
        f"checkpoints take {statistics.median(fractions):.2f}% of an epoch of "
        f"{statistics.median(r['epoch_seconds'] for r in records):.1f} s (median of "
        f"{len(fractions)} epochs, {min(fractions):.2f}% to {max(fractions):.2f}%)"
    )
    if options.output:
        options.output.write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
