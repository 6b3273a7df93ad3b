import random

import keras
import numpy as np
import pytest

from kerasnorm import callbacks, optimizers
from kerasnorm.callbacks import checkpoint_files
from tests.marks import thorough_after

pytestmark = pytest.mark.backends

STEPS = 3
EPOCHS = 3
VALIDATION = (
    np.random.default_rng(1).normal(size=(16, 6)).astype("float32"),
    np.random.default_rng(2).normal(size=(16, 2)).astype("float32"),
)


class Killed(Exception):
    pass


class Kill(keras.callbacks.Callback):
    """Ends `fit` at one moment, given as (hook, epoch, batch)."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment
        self.epoch = None

    def _at(self, hook, batch=None):
        # A resumed epoch counts its batches from 0 again.
        if self.moment == (hook, self.epoch, batch):
            raise Killed

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._at("epoch_begin")

    def on_train_batch_end(self, batch, logs=None):
        # Draws of the program itself belong to the training, too.
        random.random()
        np.random.uniform()
        self._at("batch", batch)

    def on_test_batch_end(self, batch, logs=None):
        self._at("validation", batch)

    def on_epoch_end(self, epoch, logs=None):
        self._at("epoch_end")


def sgd():
    return optimizers.AGC(keras.optimizers.SGD(0.1, momentum=0.9), clip_factor=0.1)


def averaged_adam():
    return keras.optimizers.AdamW(
        0.01, use_ema=True, ema_overwrite_frequency=3, gradient_accumulation_steps=2
    )


def scaled():
    return keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.01), dynamic_growth_steps=3
    )


def scheduled():
    rate = keras.optimizers.schedules.CosineDecay(0.05, STEPS * EPOCHS)
    return keras.optimizers.Adam(rate)


def small_model(optimizer=sgd):
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(8),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2),
        ]
    )
    # Nine steps are over before TensorFlow would have traced a graph; the tests of
    # `kerasnorm.training` go through graphs.
    eager = keras.config.backend() == "tensorflow"
    model.compile(optimizer(), "mse", metrics=["mae"], run_eagerly=eager)
    return model


def batches(step):
    while True:
        draw = np.random.default_rng(step)
        x = draw.normal(size=(4, 6)).astype("float32")
        yield x, x[:, :2] * 2
        step += 1


class Rows(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rows = []

    def get_state(self):
        return {"rows": list(self.rows)}

    def set_state(self, state):
        self.rows = state["rows"]

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append(dict(logs))


def train(folder, moment=None, optimizer=sgd, every_seconds=1e9, **stop):
    """Train until killed or done; all that must not depend on the interruptions."""
    model = small_model(optimizer)
    stopping = callbacks.EarlyStopping(**{"patience": 9, **stop})
    # Plateaus cannot lower what a schedule decides.
    plateau = keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.2)
    plateaus = [] if optimizer is scheduled else [plateau]
    rows = Rows()
    checkpoint = callbacks.Checkpoint(
        folder, [stopping, *plateaus, rows], every_seconds=every_seconds
    )
    position = checkpoint.restore(model, next(batches(0)))
    kept = [Kill(moment), *plateaus, stopping, rows, checkpoint]
    model.fit(
        batches(position.epoch * STEPS + position.batch),
        steps_per_epoch=STEPS,
        initial_epoch=position.epoch,
        epochs=position.epoch if stopping.is_over else EPOCHS,
        validation_data=VALIDATION,
        validation_batch_size=8,
        shuffle=False,
        callbacks=kept,
        verbose=0,
    )
    return {
        "rows": rows.rows,
        "weights": model.get_weights(),
        "optimizer": [np.array(v) for v in model.optimizer.variables],
        "wait": stopping.wait,
        "best": stopping.best,
        "plateau": plateau.wait,
        "draws": (random.random(), np.random.uniform()),
    }


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return train(tmp_path_factory.mktemp("unbroken") / "checkpoint")


MOMENTS = [
    ("epoch_begin", 0, None),
    ("batch", 0, 1),
    ("batch", 0, 2),
    ("validation", 1, 0),
    ("validation", 1, 1),
    ("epoch_end", 1, None),
    ("batch", 2, 0),
]


@pytest.mark.thorough
@pytest.mark.parametrize("moment", MOMENTS[1::2])
def test_an_interrupted_training_ends_like_an_unbroken_one(tmp_path, unbroken, moment):
    with pytest.raises(Killed):
        train(tmp_path / "checkpoint", moment, every_seconds=1e-9)
    resumed = train(tmp_path / "checkpoint", every_seconds=1e-9)
    keras.tree.map_structure(np.testing.assert_array_equal, resumed, unbroken)


@pytest.mark.thorough
def test_one_interruption_after_the_other_loses_nothing(tmp_path, unbroken):
    for moment in MOMENTS:
        with pytest.raises(Killed):
            train(tmp_path / "checkpoint", moment)
    resumed = train(tmp_path / "checkpoint")
    keras.tree.map_structure(np.testing.assert_array_equal, resumed, unbroken)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "optimizer", thorough_after(1, [averaged_adam, scaled, scheduled])
)
def test_all_of_the_optimizer_goes_on(tmp_path, optimizer):
    whole = train(tmp_path / "whole", optimizer=optimizer)
    with pytest.raises(Killed):
        train(tmp_path / "broken", ("batch", 1, 1), optimizer, every_seconds=1e-9)
    resumed = train(tmp_path / "broken", optimizer=optimizer)
    keras.tree.map_structure(np.testing.assert_array_equal, resumed, whole)


@pytest.mark.thorough
def test_a_stopped_training_is_not_trained_further(tmp_path):
    stop = {"patience": 1, "min_delta": 1e9}
    stopped = train(tmp_path / "checkpoint", **stop)
    assert len(stopped["rows"]) < EPOCHS
    again = train(tmp_path / "checkpoint", **stop)
    np.testing.assert_array_equal(again["rows"], stopped["rows"])
    for ours, theirs in zip(again["weights"], stopped["weights"], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.thorough
def test_asked_to_save_in_validation_it_keeps_the_last_batch_repeatable(
    tmp_path, unbroken
):
    class Ask(Kill):
        def _at(self, hook, batch=None):
            if self.moment == (hook, self.epoch, batch):
                checkpoint.save()
                raise Killed

    folder = tmp_path / "checkpoint"
    model = small_model()
    stopping, rows = callbacks.EarlyStopping(patience=9), Rows()
    plateau = keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.2)
    checkpoint = callbacks.Checkpoint(folder, [stopping, plateau, rows])
    checkpoint.restore(model)
    with pytest.raises(Killed):
        model.fit(
            batches(0),
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            validation_data=VALIDATION,
            validation_batch_size=8,
            shuffle=False,
            callbacks=[Ask(("validation", 1, 1)), plateau, stopping, rows, checkpoint],
            verbose=0,
        )
    state = checkpoint_files.read_newest(folder).state
    assert (state["epoch"], state["batch"]) == (1, STEPS - 1)
    resumed = train(folder)
    keras.tree.map_structure(np.testing.assert_array_equal, resumed, unbroken)


@pytest.mark.thorough
def test_another_model_is_refused_and_left_as_it_was(tmp_path):
    train(tmp_path / "checkpoint")
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
    model.compile(sgd(), "mse")
    before = model.get_weights()
    stateful = [
        callbacks.EarlyStopping(),
        keras.callbacks.ReduceLROnPlateau(),
        Rows(),
    ]
    with pytest.raises(ValueError, match="expected a checkpoint of this model"):
        callbacks.Checkpoint(tmp_path / "checkpoint", stateful).restore(model)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.thorough
def test_other_stateful_callbacks_are_refused(tmp_path):
    train(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match="stateful"):
        callbacks.Checkpoint(tmp_path / "checkpoint").restore(small_model())


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_time_between_checkpoints_must_be_above_zero(tmp_path, seconds):
    with pytest.raises(ValueError, match="every_seconds"):
        callbacks.Checkpoint(tmp_path, every_seconds=seconds)
