import keras
import numpy as np
import pytest

from kerasnorm.callbacks import LearningRateLog


@pytest.mark.backends
def test_the_scheduled_rate_of_the_last_step_is_logged():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule), "mse")
    x = np.zeros((4, 2), "float32")
    history = model.fit(
        x, x[:, :1], batch_size=2, epochs=2, verbose=0, callbacks=[LearningRateLog()]
    )
    np.testing.assert_allclose(history.history["learning_rate"], [0.5, 0.0])
