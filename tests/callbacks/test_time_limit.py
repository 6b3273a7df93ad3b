import keras
import numpy as np
import pytest

from kerasnorm.callbacks import TimeLimit, time_limit


@pytest.fixture
def clock(monkeypatch):
    """Stand in for the clock: a callback that lets 0.2 seconds pass in each batch."""

    class Clock(keras.callbacks.Callback):
        now = 100.0

        def monotonic(self):
            return self.now

        def on_train_batch_end(self, batch, logs=None):
            self.now += 0.2

    passing = Clock()
    monkeypatch.setattr(time_limit, "time", passing)
    return passing


def epochs_trained(limit, clock):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((2, 2), "float32")
    history = model.fit(
        x, x[:, :1], batch_size=2, epochs=50, verbose=0, callbacks=[clock, limit]
    )
    return len(history.epoch)


def test_it_stops_near_the_limit_and_says_so(clock):
    limit = TimeLimit(minutes=2.05 / 60)
    assert epochs_trained(limit, clock) == 10
    assert "time limit" in limit.stopped_because
    assert limit.share == pytest.approx(2.0 / 2.05)


def test_time_spent_before_an_interruption_counts(clock):
    assert epochs_trained(TimeLimit(minutes=1, spent_seconds=60), clock) == 1


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_a_limit_not_above_zero_is_refused(minutes):
    with pytest.raises(ValueError, match="minutes"):
        TimeLimit(minutes)


def test_an_epoch_that_is_no_measure_of_the_next_counts_as_expected(clock):
    class Expects(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 0:
                limit.expect(1.0)

    limit = TimeLimit(minutes=1.05 / 60)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((2, 2), "float32")
    calls = [clock, Expects(), limit]
    history = model.fit(x, x[:, :1], 2, epochs=50, verbose=0, callbacks=calls)
    # 0.6 seconds are spent after the third, and half of the expected one is 0.5.
    assert len(history.epoch) == 3
