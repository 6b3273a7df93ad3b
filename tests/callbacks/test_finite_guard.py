import keras
import numpy as np
import pytest

from kerasnorm.callbacks.finite_guard import FiniteGuard, NonFinite
from kerasnorm.inspection.first_non_finite import is_finite

pytestmark = pytest.mark.backends

NAN, INFINITY = float("nan"), float("inf")


def small_model():
    norm = keras.layers.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((3,)), norm, keras.layers.Dense(1)])
    eager = keras.config.backend() == "tensorflow"
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eager)
    return model


class Spoil(keras.callbacks.Callback):
    """Spoils a moving statistic, which no training loss shows."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            moving = self.model.get_layer("norm").moving_variance
            moving.assign(np.full(3, NAN, "float32"))


def fit(model, x, callbacks):
    y = np.zeros((len(x), 1), "float32")
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=callbacks)


def rows(count=16):
    return np.random.default_rng(0).normal(size=(count, 3)).astype("float32")


@pytest.mark.parametrize("bad", [NAN, INFINITY])
def test_a_loss_ends_training_at_its_batch(bad):
    x = rows()
    x[9] = bad
    with pytest.raises(NonFinite, match=r"the loss .* epoch 1 at batch 3") as found:
        fit(small_model(), x, [FiniteGuard()])
    assert (found.value.epoch, found.value.batch) == (0, 2)


def test_a_statistic_is_found_where_the_loss_does_not_show_it():
    model, guard = small_model(), FiniteGuard()
    fit(model, rows(), [guard, Spoil()])
    with pytest.raises(NonFinite, match=r"the weight .*moving_variance"):
        guard.check_weights()


def test_every_weight_may_be_watched_and_kept_from_before_the_batch():
    model, guard = small_model(), FiniteGuard(every_weight=True)
    with pytest.raises(NonFinite, match=r"moving_variance .* batch 2"):
        fit(model, rows(), [Spoil(), guard])
    assert all(np.isfinite(value).all() for value in guard.before)
    kernel = [keras.ops.convert_to_numpy(v) for v in model.variables]
    assert [value.shape for value in guard.before] == [value.shape for value in kernel]


def test_what_was_bad_from_the_beginning_is_left_out():
    model, guard = small_model(), FiniteGuard()
    model.get_layer("norm").moving_mean.assign(np.full(3, NAN, "float32"))
    fit(model, rows(), [guard])
    guard.check_weights()


@pytest.mark.parametrize(
    ("value", "expected"),
    [([1.0, NAN], False), ([INFINITY, -INFINITY], False), ([3e38, 3e38], True)],
)
def test_numbers_are_finite_one_by_one(value, expected):
    # Two numbers close to the largest have an infinite sum.
    assert is_finite(keras.Variable(np.array(value, "float32"))) == expected
