"""The order in which callbacks are given does not decide what comes out."""

import itertools
import random

import keras
import numpy as np
import pytest

from kerasnorm import callbacks
from kerasnorm.callbacks import checkpoint_files, order
from tests.callbacks.kinds import KINDS
from tests.marks import thorough_after

pytestmark = pytest.mark.backends

draw = np.random.default_rng(0)
X = (draw.normal(size=(64, 6)) * 3 + 2).astype("float32")
Y = X[:, :1] * 0.5
BATCHES = [(X[i : i + 16], Y[i : i + 16]) for i in range(0, 64, 16)]
EPOCHS = 4
# An order that is right; the permutations are made from it.
RIGHT = ("swap", "stop", "model", "recalibrate", "checkpoint")


def made(folder, when="end"):
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    stop = callbacks.EarlyStopping(patience=1)
    return {
        "swap": swap,
        "stop": stop,
        "model": keras.callbacks.ModelCheckpoint(
            folder / "best.weights.h5", save_best_only=True, save_weights_only=True
        ),
        "recalibrate": callbacks.RecalibrateBatchNorm(BATCHES, when=when),
        "checkpoint": callbacks.Checkpoint(folder / "checkpoint", [stop, swap]),
    }


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(1),
        ]
    )
    # One rate that overshoots, so that the best epoch is not the last.
    optimizer = keras.optimizers.SGD(
        0.05, momentum=0.9, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=None
    )
    eager = keras.config.backend() == "tensorflow"
    model.compile(optimizer, "mse", run_eagerly=eager)
    optimizer.build(model.trainable_variables)
    return model


@pytest.fixture(scope="module")
def beginning(model):
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def outcome(model, beginning, folder, names, when):
    """Train from the same beginning, and return all that the callbacks bring about."""
    folder.mkdir()
    for variable, value in zip(
        [*model.variables, *model.optimizer.variables], beginning, strict=True
    ):
        variable.assign(value)
    known = made(folder, when)
    model.fit(
        X,
        Y,
        batch_size=16,
        epochs=EPOCHS,
        shuffle=False,
        validation_data=(X, Y),
        callbacks=[known[name] for name in names],
        verbose=0,
    )
    after = model.get_weights()
    loss = model.evaluate(X, Y, verbose=0)
    best = known["stop"].best
    model.load_weights(folder / "best.weights.h5")
    saved = checkpoint_files.read_newest(folder / "checkpoint").state
    return {
        "weights": after,
        "loss": [loss],
        "best": [best],
        "file": model.get_weights(),
        "checkpoint": [*saved["model"], *saved["optimizer"]],
        "stopping": saved["callbacks"][0]["state"]["best_weights"],
    }


def assert_equal(first, second):
    for name, values in first.items():
        for a, b in zip(values, second[name], strict=True):
            assert np.array_equal(a, b), name


@pytest.mark.parametrize("when", thorough_after(1, ["end", "validation"]))
def test_the_reverse_order_gives_the_same_result(tmp_path, model, beginning, when):
    results = [
        outcome(model, beginning, tmp_path / str(number), names, when)
        for number, names in enumerate((RIGHT, RIGHT[::-1]))
    ]
    assert_equal(*results)
    # The weights that were restored are those that were judged, and the statistics
    # those of these weights.
    inputs = keras.ops.convert_to_numpy(model.layers[0](X))
    assert np.allclose(results[0]["weights"][4], inputs.mean(0), atol=1e-3)


@pytest.mark.parametrize("between", [0, 1])
def test_callbacks_are_brought_into_order_and_others_stay(tmp_path, model, between):
    known = made(tmp_path)
    for names in itertools.permutations(RIGHT):
        own = [keras.callbacks.LambdaCallback() for _ in range(between)]
        given = [known[name] for name in names]
        found = keras.callbacks.CallbackList(
            [given[0], *own, *given[1:]], model=model
        ).callbacks
        expected = [order.place_of(known[name]) for name in RIGHT]
        places = [order.place_of(callback) for callback in found]
        assert places == [expected[0], *[None] * between, *expected[1:]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_callback_that_saves_or_shows_logs_runs_behind_those_that_add_them(kind):
    source = kind.on_epoch_end.__code__
    adds = any(isinstance(one, str) and one in ADDED for one in source.co_consts)
    place = order.place_of(kind.__new__(kind))
    assert (place is order.Place.ADDS_LOGS) == adds


ADDED = ("learning_rate", "seconds", "norm_mean_distance/")


def test_logs_are_complete_when_keras_writes_them(tmp_path, model):
    file = tmp_path / "log.csv"
    written = [keras.callbacks.CSVLogger(str(file)), callbacks.LearningRateLog()]
    random.shuffle(written)
    model.fit(X, Y, epochs=1, callbacks=[*written, callbacks.Throughput(32)], verbose=0)
    columns = file.read_text().splitlines()[0].split(",")
    assert {"learning_rate", "seconds", "images_per_second"} <= set(columns)


def test_weights_that_are_swapped_in_secret_are_refused(tmp_path, model):
    swap = keras.callbacks.SwapEMAWeights()
    for other in (callbacks.EarlyStopping(), callbacks.Checkpoint(tmp_path)):
        for given in ([swap, other], [other, swap]):
            with pytest.raises(ValueError, match="expected SwapEMAWeights"):
                keras.callbacks.CallbackList(given, model=model)
