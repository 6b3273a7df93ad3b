import keras
import numpy as np
import pytest

from kerasnorm import optimizers
from kerasnorm.callbacks import TimeAwareSchedule

pytestmark = pytest.mark.backends

STEPS = 6


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        rate = self.model.optimizer.learning_rate
        self.rates.append(float(keras.ops.convert_to_numpy(rate)))


def rates(shares, wrap=lambda optimizer: optimizer):
    """Return the learning rates of six steps, with the given shares of the time."""
    schedule = optimizers.WarmupCosine(0.1, STEPS, warmup_steps=2)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(wrap(keras.optimizers.SGD(1.0)), "mse")
    if isinstance(model.optimizer, optimizers.SAM):
        model.optimizer.attach(model)
    times = iter(shares)
    seen = Seen()
    x = np.ones((4, 2), "float32")
    model.fit(
        x,
        x[:, :1],
        batch_size=2,
        epochs=STEPS // 2,
        verbose=0,
        callbacks=[TimeAwareSchedule(schedule, STEPS, lambda: next(times)), seen],
    )
    return seen.rates, schedule


def test_with_time_enough_it_is_the_schedule():
    found, schedule = rates([0.0] * STEPS)
    expected = [float(keras.ops.convert_to_numpy(schedule(n))) for n in range(STEPS)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_short_of_time_it_goes_by_the_clock_and_ends_at_the_end():
    found, schedule = rates([0.0, 0.1, 0.5, 0.75, 1.0, 1.4], optimizers.AGC)
    steps = [0, 1, 3, 4.5, 6, 6]
    expected = [float(keras.ops.convert_to_numpy(schedule(n))) for n in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
    assert found[-1] == 0


def test_accumulated_batches_count_as_steps():
    found, schedule = rates(
        [0.0] * STEPS,
        lambda _: keras.optimizers.SGD(1.0, gradient_accumulation_steps=2),
    )
    expected = [float(keras.ops.convert_to_numpy(schedule(n))) for n in (0, 2, 4)]
    np.testing.assert_allclose(found[::2], expected, rtol=1e-6)


@pytest.mark.thorough
def test_it_reaches_through_every_wrapper():
    def wrap(optimizer):
        return optimizers.SAM(optimizers.AGC(optimizers.Lookahead(optimizer)))

    found, schedule = rates([0.0] * STEPS, wrap)
    expected = [float(keras.ops.convert_to_numpy(schedule(n))) for n in range(STEPS)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
