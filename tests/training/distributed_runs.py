"""Trains on virtual devices and prints the histories as JSON.

python -m tests.training.distributed_runs FOLDER NORM DEVICES...

The last number of devices is also trained with an interruption, as `resumed`. One
process can hold one number of devices above 1: its collectives remember it.
"""

import json
import os
import pathlib
import signal
import sys

import keras
import tensorflow as tf

from kerasnorm.layers import make_norm
from kerasnorm.training import Settings, assemble, distribution, interruption, run
from tests.training import torture, torture_compare
from tests.training.test_runner import on_call, settings_for

MOST = 4


def build_model(settings: Settings, num_classes: int) -> keras.Model:
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
    counts = [int(word) for word in sys.argv[3:]]
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * MOST,
    )
    assemble.build_model = build_model
    # 12 pictures validate: the last batch is incomplete.
    torture.draw_pictures(folder / "data")
    settings = settings_for(folder / "data", folder / "runs").replace(
        norm=norm, distribute="auto", batch_size=8, patience=9
    )
    histories = {}
    for count in counts:
        devices = [f"/CPU:{index}" for index in range(count)]
        distribution._tensorflow_devices = lambda devices=devices: devices
        done = run(settings.replace(name=str(count)))
        histories[str(count)] = torture_compare.history(done.directory)
    histories["resumed"] = torture_compare.history(interrupted_run(settings))
    print(json.dumps(histories))


def interrupted_run(settings: Settings) -> pathlib.Path:
    """Train with an interruption in the second epoch."""
    import pytest

    settings = settings.replace(name="resumed")
    with pytest.MonkeyPatch.context() as patch:
        term = lambda: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
        on_call(patch, "on_train_batch_end", 4, term)
        try:
            run(settings)
        except interruption.Interrupted:
            path = f"{settings.runs}/{settings.app}/resumed"
    return run(settings.replace(resume=path)).directory


if __name__ == "__main__":
    main()
