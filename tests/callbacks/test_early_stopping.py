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


def train(values, stopping, initial_epoch=0):
    model = small_model()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    model.fit(
        x,
        x[:, :1],
        initial_epoch=initial_epoch,
        epochs=len(values),
        verbose=0,
        callbacks=[Script(values), stopping],
    )
    return model


def test_it_stops_after_patience_and_says_why():
    stopping = EarlyStopping(patience=2)
    train([3.0, 1.0, 2.0, 2.0, 0.5], stopping)
    assert stopping.epochs_seen == 4
    assert stopping.best_epoch == 1
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
    assert "NaN or infinite in all 2 epochs" in stopping.stopped_because
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
    assert stopping.best_epoch == 2


@pytest.mark.thorough
def test_restored_state_goes_on_counting():
    first = EarlyStopping(patience=3)
    train([1.0, 2.0, 2.0], first)
    second = EarlyStopping(patience=3)
    second.set_state(first.get_state())
    model = train([1.0, 2.0, 2.0, 2.0, 0.0], second, initial_epoch=3)
    assert second.best_epoch == 0
    assert second.wait == 3
    np.testing.assert_array_equal(model.get_weights()[0], 1.0)


def test_it_can_be_copied_as_keras_tuner_does():
    assert copy.deepcopy(EarlyStopping(patience=4)).patience == 4


@pytest.mark.parametrize("wrong", [{"patience": -1}, {"mode": "lowest"}])
def test_an_argument_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EarlyStopping(**wrong)


def test_a_metric_that_rises_is_maximized():
    class Rising(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_accuracy"] = 0.5 + 0.05 * epoch

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    x = np.ones((8, 2), "float32")
    stopping = EarlyStopping("val_accuracy", patience=2)
    done = model.fit(x, x[:, :1], epochs=5, verbose=0, callbacks=[Rising(), stopping])
    assert len(done.epoch) == 5
    assert stopping.best_epoch == 4


def test_a_metric_that_logs_an_array_of_one_value_can_be_followed():
    stopping = EarlyStopping("val_f1", mode="max", patience=1)
    stopping.set_model(Weights())
    stopping.on_train_begin()
    for epoch, value in enumerate((0.5, 0.4)):
        stopping.on_epoch_end(epoch, {"val_f1": np.array([value])})
    stopping.on_train_end()
    assert (
        stopping.stopped_because
        == "val_f1 has not improved on 0.5 of epoch 1 for 1 epochs"
    )


def test_epochs_without_validation_do_not_count():
    model = small_model()
    x = np.ones((8, 3), "float32")
    y = x[:, :1]
    stopping = EarlyStopping(patience=3)
    with pytest.warns(UserWarning, match="val_loss"):
        model.fit(
            x,
            y,
            epochs=6,
            verbose=0,
            validation_data=(x, y),
            validation_freq=2,
            callbacks=[stopping],
        )
    assert stopping.stopped_because == "all 6 epochs were trained"


@pytest.mark.filterwarnings("ignore:expected the monitored value")
def test_a_training_that_was_never_validated_ends_in_an_error():
    x = np.ones((8, 3), "float32")
    with pytest.raises(ValueError, match=r"val_loss.*validation data"):
        small_model().fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[EarlyStopping()])


def test_the_reason_is_anothers_where_another_callback_stopped():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = small_model()
    x = np.ones((8, 3), "float32")
    stopping = EarlyStopping("loss", patience=9)
    model.fit(x, x[:, :1], epochs=5, verbose=0, callbacks=[Stop(), stopping])
    assert stopping.stopped_because == (
        "another callback stopped the training after epoch 2"
    )


def test_it_behaves_as_keras_where_all_values_are_finite():
    """Every combination of arguments stops at Keras' epoch with Keras' weights."""
    values = [5.0, 4.0, 4.5, 4.2, 3.9, 3.95, 4.1, 4.0, 3.0, 3.5]
    for patience in (0, 1, 2, 3):
        for baseline in (None, 4.1, 1.0):
            for start in (0, 3):
                for delta in (0, 0.2):
                    for mode in ("min", "max", "auto"):
                        arguments = (
                            "val_loss",
                            delta,
                            patience,
                            0,
                            mode,
                            baseline,
                            True,
                            start,
                        )
                        seen = [
                            replay(kind(*arguments), values)
                            for kind in (keras.callbacks.EarlyStopping, EarlyStopping)
                        ]
                        assert seen[0] == seen[1], arguments


class Weights:
    """A model of which only the weights and the wish to stop are asked for."""

    stop_training = False
    value = -1

    def get_weights(self):
        return [self.value]

    def set_weights(self, weights):
        (self.value,) = weights


def replay(stopping, values):
    """Give a callback its epochs without a training."""
    model = Weights()
    stopping.set_model(model)
    stopping.on_train_begin()
    for epoch, value in enumerate(values):
        model.value = epoch
        stopping.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            break
    stopping.on_train_end()
    return epoch, stopping.best_epoch, stopping.best, stopping.wait, model.value
