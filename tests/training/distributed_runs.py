"""Trains on several devices or in several processes and prints the results as JSON.

python -m tests.training.distributed_runs FOLDER NORM DEVICES... [--short]

FOLDER holds images in `data`. Each number of devices is trained; if the last one is
above 1, it is also trained with an interruption, as `resumed`, and with batches that
cannot be shared evenly, unless it is to be short. One process of TensorFlow can hold
one number of devices above 1: its collectives remember it. The settings of Keras and
JAX, above all how many devices and processes there are, come in the environment.
"""

import json
import os
import pathlib
import signal
import sys
import time
from typing import Any

import keras
import pytest

from kerasnorm import callbacks
from kerasnorm.layers import make_norm
from kerasnorm.training import Settings, build, run
from kerasnorm.training.devices import distribution, multi_process_training
from kerasnorm.training.loop import interruption
from tests.training import torture_compare
from tests.training.test_runner import on_call, settings_for

MOST = 4
SLOW_SECONDS = 3


def build_model(settings: Settings, num_classes: int, **options) -> keras.Model:
    """Return a model without dropout, which would differ from device to device."""
    options = {"groups": 2} if settings.norm == "group" else {}
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 255),
            # A bias before a norm has no gradient but rounding, which Adam enlarges.
            keras.layers.Conv2D(4, 3, strides=2, use_bias=False),
            make_norm(settings.norm, **options),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(num_classes, activation="softmax"),
        ]
    )


def main() -> None:
    """Train and print."""
    folder, norm = pathlib.Path(sys.argv[1]), sys.argv[2]
    is_short = sys.argv[-1] == "--short"
    counts = [int(word) for word in sys.argv[3:] if word != "--short"]
    if keras.config.backend() == "tensorflow":
        split_processor()
    build.build_model = build_model
    # 12 images validate: the last batch is incomplete.
    settings = settings_for(folder / "data", folder / "runs").replace(
        norm=norm,
        distribute="auto",
        batch_size=8,
        patience=9,
        preflight=False,
        epochs=2 if is_short else 3,
    )
    histories, uneven = {}, None
    for count in counts:
        use_devices(count)
        done = run(settings.replace(name=str(count)))
        histories[str(count)] = torture_compare.history(done.directory)
    if counts[-1] > 1:
        histories["resumed"] = torture_compare.history(interrupted_run(settings))
        uneven = None if is_short else uneven_run(settings)
    print(json.dumps({"histories": histories, "uneven": uneven}))


def split_processor() -> None:
    """Make several devices of TensorFlow's one."""
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * MOST,
    )


def use_devices(count: int) -> None:
    """Let `auto` mean so many of the devices; with several processes it means all."""
    if multi_process_training.COUNT_VARIABLE in os.environ:
        return
    prefix = {"tensorflow": "/CPU:", "jax": "cpu:"}[keras.config.backend()]
    devices = [f"{prefix}{index}" for index in range(count)]
    distribution.list_devices = lambda: devices


def interrupted_run(settings: Settings) -> pathlib.Path:
    """Train with an interruption in the first epoch, told to the last process."""
    settings = settings.replace(name="resumed")
    with pytest.MonkeyPatch.context() as patch:
        if multi_process_training.index() == multi_process_training.count() - 1:
            term = lambda: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
            on_call(patch, "on_train_batch_end", 4, term)
        elif multi_process_training.index() == 0:
            save_slowly(patch)
        try:
            run(settings)
        except interruption.Interrupted:
            path = f"{settings.runs}/{settings.app}/resumed"
    return run(settings.replace(resume=path)).directory


def save_slowly(patch: pytest.MonkeyPatch) -> None:
    """Let the others be done with their checkpoints long before this process is."""
    save = callbacks.Checkpoint.save

    def slow(self: callbacks.Checkpoint) -> None:
        time.sleep(SLOW_SECONDS)
        save(self)

    patch.setattr(callbacks.Checkpoint, "save", slow)


def uneven_run(settings: Settings) -> dict[str, Any]:
    """Train an epoch with 11 images to validate on, and have it examined."""
    report = run(
        settings.replace(
            name="uneven", epochs=1, validation_fraction=0.18, examine=True
        )
    ).report
    return {
        "samples": report["validation_samples"],
        "is_examined": report["examination"] is not None,
        "is_over": keras.distribution.distribution() is None,
    }


if __name__ == "__main__":
    main()
