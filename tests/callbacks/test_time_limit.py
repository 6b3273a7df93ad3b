import time

import keras
import numpy as np
import pytest

from kerasnorm.callbacks import TimeLimit


class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.2)


def epochs_trained(limit):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((2, 2), "float32")
    history = model.fit(
        x, x[:, :1], batch_size=2, epochs=50, verbose=0, callbacks=[Slow(), limit]
    )
    return len(history.epoch)


def test_it_stops_near_the_limit_and_says_so():
    limit = TimeLimit(minutes=2 / 60)
    assert 2 <= epochs_trained(limit) <= 12
    assert "time limit" in limit.stopped_because


def test_time_spent_before_an_interruption_counts():
    assert epochs_trained(TimeLimit(minutes=1, spent_seconds=60)) == 1


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_a_limit_not_above_zero_is_refused(minutes):
    with pytest.raises(ValueError, match="minutes"):
        TimeLimit(minutes)
