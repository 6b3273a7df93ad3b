"""The order in which callbacks are given does not decide what comes out."""

import inspect
import itertools
import random
import re

import keras
import numpy as np
import pytest

from kerasnorm import callbacks
from kerasnorm.callbacks import checkpoint_files, order
from tests.callbacks.kinds import KINDS
from tests.marks import thorough, thorough_after

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


def begin(model, beginning):
    for variable, value in zip(
        [*model.variables, *model.optimizer.variables], beginning, strict=True
    ):
        variable.assign(value)


def fit(model, callbacks, epochs=EPOCHS):
    return model.fit(
        X,
        Y,
        batch_size=16,
        epochs=epochs,
        shuffle=False,
        validation_data=(X, Y),
        callbacks=callbacks,
        verbose=0,
    )


def outcome(model, beginning, folder, names, when):
    """Train from the same beginning, and return all that the callbacks bring about."""
    folder.mkdir()
    known = made(folder, when)
    begin(model, beginning)
    fit(model, [known[name] for name in names])
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
        places = [
            order.place_of(callback)
            for callback in found
            if not isinstance(callback, order.KeepAverages)
        ]
        assert places == [expected[0], *[None] * between, *expected[1:]]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_callback_that_saves_or_shows_logs_runs_behind_those_that_add_them(kind):
    adds = re.search(WRITES_LOGS, inspect.getsource(kind.on_epoch_end)) is not None
    place = order.place_of(kind.__new__(kind))
    assert (place is order.Place.ADDS_LOGS) == adds


WRITES_LOGS = r"\blogs(\[[^]]*\] =|\.update\()"


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


class StopAtOnce(keras.callbacks.Callback):
    """A user's own callback, of which nothing is known."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = True


# What ends training before its last epoch; something of ours is always there.
STOPS = {
    "ours": lambda: [
        callbacks.EarlyStopping(baseline=-1.0, restore_best_weights=False)
    ],
    "Keras' own": lambda: [StopAtOnce(), callbacks.LearningRateLog()],
    "time": lambda: [callbacks.TimeLimit(minutes=1e-9)],
    "behind a checkpoint": lambda: [callbacks.Checkpoint, StopAtOnce()],
}


@pytest.mark.parametrize(
    ("name", "direction"),
    [("time", -1), *(thorough(name, side) for name in STOPS for side in (1, -1))],
)
def test_averages_stay_in_a_model_that_is_stopped_early(
    tmp_path, model, beginning, name, direction
):
    ends, epochs = [], EPOCHS
    for stops in (STOPS[name](), []):
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        given = [
            one(tmp_path / "checkpoint", [swap]) if one is callbacks.Checkpoint else one
            for one in (swap, *stops)
        ]
        begin(model, beginning)
        epochs = len(fit(model, given[::direction], epochs).epoch)
        ends.append(model.get_weights())
    assert epochs < EPOCHS
    assert_equal({"weights": ends[0]}, {"weights": ends[1]})


def test_a_resumed_training_that_was_over_ends_with_its_averages(
    tmp_path, model, beginning
):
    ends = []
    for _ in range(2):
        swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        checkpoint = callbacks.Checkpoint(tmp_path, [swap])
        begin(model, beginning)
        start = checkpoint.restore(model)
        stop = callbacks.TimeLimit(minutes=1e-9)
        model.fit(
            (batch for batch in itertools.cycle(BATCHES)),
            shuffle=False,
            steps_per_epoch=len(BATCHES),
            initial_epoch=start.epoch,
            epochs=start.epoch or EPOCHS,
            callbacks=[swap, checkpoint, stop],
            verbose=0,
        )
        ends.append(model.get_weights())
    assert start.epoch == 1
    assert_equal({"weights": ends[0]}, {"weights": ends[1]})


@pytest.mark.parametrize("between", thorough_after(1, ["restored", "loaded"]))
def test_a_second_fit_begins_with_the_weights_in_the_model(model, beginning, between):
    begin(model, beginning)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    fit(model, [swap, callbacks.EarlyStopping(patience=1)])
    if between == "loaded":
        model.set_weights([value + 1 for value in model.get_weights()])
    expected, seen = model.get_weights(), []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: (
            # Later batches are trained on values that JAX keeps outside of the model.
            None if batch else seen.append(model.get_weights())
        )
    )
    fit(model, [swap, look], epochs=1)
    assert_equal({"weights": seen[0]}, {"weights": expected})


def test_callbacks_that_stop_training_or_look_at_weights_have_a_place():
    for kind in KINDS:
        names = {*kind.on_epoch_end.__code__.co_names}
        if {"stop_training", "examine"} & names:
            assert issubclass(kind, order.Ordered), kind
