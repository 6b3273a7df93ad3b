import copy
import math

import keras
import numpy as np
import pytest

from kerasnorm.callbacks import EarlyStopping

pytestmark = pytest.mark.backends


def small_model():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model


class Script(keras.callbacks.Callback):
    """Puts scripted values into the logs and marks the weights with the epoch."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = self.values[epoch]
        self.model.set_weights(
            [np.full_like(w, epoch + 1) for w in self.model.get_weights()]
        )


def train(values, stopping, epochs=None):
    model = small_model()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    model.fit(
        x,
        x[:, :1],
        epochs=epochs or len(values),
        verbose=0,
        callbacks=[Script(values), stopping],
    )
    return model


def test_it_stops_after_patience_and_says_why():
    stopping = EarlyStopping(patience=2)
    train([3.0, 1.0, 2.0, 2.0, 0.5], stopping)
    assert stopping.epochs_seen == 4
    assert stopping.best_epoch == 2
    assert "1 of epoch 2 for 2 epochs" in stopping.stopped_because


def test_the_best_weights_come_back_moving_statistics_included():
    stopping = EarlyStopping(patience=2)
    model = train([3.0, 1.0, 2.0, 2.0], stopping)
    for weight in model.get_weights():
        np.testing.assert_array_equal(weight, 2.0)
    assert len(model.non_trainable_variables) >= 2


def test_best_weights_come_back_when_all_epochs_were_trained():
    stopping = EarlyStopping(patience=9)
    model = train([3.0, 1.0, 2.0], stopping)
    np.testing.assert_array_equal(model.get_weights()[0], 2.0)
    assert stopping.stopped_because == "all 3 epochs were trained"


def test_the_last_weights_stay_when_nothing_shall_be_restored():
    model = train([3.0, 1.0, 2.0], EarlyStopping(restore_best_weights=False))
    np.testing.assert_array_equal(model.get_weights()[0], 3.0)


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_nan_and_infinity_use_up_patience(bad):
    stopping = EarlyStopping(patience=3)
    train([1.0, bad, bad, bad, 0.1], stopping)
    assert stopping.best == 1.0
    assert stopping.epochs_seen == 4


def test_never_finite_says_so_and_keeps_the_last_weights():
    stopping = EarlyStopping(patience=2)
    model = train([math.nan] * 4, stopping)
    assert "never a finite number" in stopping.stopped_because
    np.testing.assert_array_equal(model.get_weights()[0], 2.0)


def test_a_missing_monitor_raises_at_the_first_epoch():
    with pytest.raises(ValueError, match=r"val_accuracy.*loss"):
        train([1.0, 1.0], EarlyStopping(monitor="val_accuracy"))


@pytest.mark.thorough
def test_a_second_fit_starts_afresh():
    stopping = EarlyStopping(patience=2)
    train([0.1, 0.2, 0.3], stopping)
    train([5.0, 4.0, 3.0], stopping)
    assert stopping.best == 3.0
    assert stopping.best_epoch == 3


@pytest.mark.thorough
def test_restored_state_goes_on_counting():
    first = EarlyStopping(patience=3)
    train([1.0, 2.0, 2.0], first)
    second = EarlyStopping(patience=3)
    second.set_state(first.get_state())
    model = train([2.0, 0.0], second)
    assert second.best_epoch == 1
    assert second.waited == 3
    np.testing.assert_array_equal(model.get_weights()[0], 1.0)


def test_it_can_be_copied_as_keras_tuner_does():
    assert copy.deepcopy(EarlyStopping(patience=4)).patience == 4


def test_patience_below_one_is_refused():
    with pytest.raises(ValueError, match="patience"):
        EarlyStopping(patience=0)
