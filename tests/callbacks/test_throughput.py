import copy
import time

import keras
import numpy as np
import pytest

from kerasnorm.callbacks import Throughput


class Sleep(keras.callbacks.Callback):
    """Makes training batches and validation take a known time."""

    def __init__(self, batch=0.0, validation=0.0):
        super().__init__()
        self.batch = batch
        self.validation = validation

    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(self.batch)

    def on_test_end(self, logs=None):
        time.sleep(self.validation)


class Seen(keras.callbacks.Callback):
    """Keeps the logs of the last epoch as a later callback finds them."""

    def on_epoch_end(self, epoch, logs=None):
        self.logs = dict(logs)


def fit(*callbacks, images=40, batch_size=16, epochs=2, **options):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    x, y = np.ones((images, 3)), np.ones((images, 1))
    return model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        validation_data=(x, y),
        callbacks=list(callbacks),
        verbose=0,
    ).history


@pytest.mark.backends
def test_later_callbacks_and_history_see_both_values():
    seen = Seen()
    history = fit(Throughput(16), seen)
    assert seen.logs["seconds"] == history["seconds"][-1]
    assert seen.logs["images_per_second"] == history["images_per_second"][-1]
    assert len(history["seconds"]) == len(history["images_per_second"]) == 2


@pytest.mark.thorough
@pytest.mark.backends
def test_validation_counts_for_seconds_but_not_for_images_per_second():
    history = fit(Throughput(16, 40), Sleep(batch=0.1, validation=1.0))
    # The second epoch: three batches of at least 0.1 s, then at least 1 s.
    training = 40 / history["images_per_second"][1]
    assert training >= 0.3
    assert history["seconds"][1] - training >= 1.0


@pytest.mark.parametrize(
    ("images_per_epoch", "images"), [(None, 48), (40, 40), (100, 48)]
)
def test_last_batch_counts_for_what_it_holds(monkeypatch, images_per_epoch, images):
    callback = Throughput(16, images_per_epoch)
    clock = iter([0.0, 1.0, 2.0, 4.0, 5.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    logs = {}
    callback.on_epoch_begin(0)
    for batch in range(3):
        callback.on_train_batch_end(batch)
    callback.on_epoch_end(0, logs)
    assert logs == {"seconds": 5.0, "images_per_second": images / 4.0}


def test_batches_run_in_one_execution_are_all_counted(monkeypatch):
    counted = []
    callback = Throughput(10)
    monkeypatch.setattr(
        callback,
        "on_train_batch_end",
        lambda batch, logs=None: (
            counted.append(batch),
            Throughput.on_train_batch_end(callback, batch, logs),
        ),
    )
    fit(callback, images=60, batch_size=10, epochs=1, steps_per_execution=3)
    assert counted[-1] == 5


def test_epoch_without_a_batch_has_seconds_only():
    callback = Throughput(16)
    logs = {}
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, logs)
    assert list(logs) == ["seconds"]


@pytest.mark.parametrize(
    ("arguments", "name"), [((0,), "batch_size"), ((8, 0), "images_per_epoch")]
)
def test_counts_below_one_are_refused(arguments, name):
    with pytest.raises(ValueError, match=f"expected `{name}` 1 or more, received 0"):
        Throughput(*arguments)


def test_callback_can_be_copied_deeply():
    assert copy.deepcopy(Throughput(16, 40)).images_per_epoch == 40
