import functools

import keras
import numpy as np
import pytest

from kerasnorm.callbacks.recalibration import RecalibrateBatchNorm
from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from tests.inspection.test_moving_statistics import (
    assert_same,
    deep_model,
    make_batches,
    statistics,
)

pytestmark = pytest.mark.backends


def fit(model, callbacks, optimizer="sgd", **options):
    batches = make_batches((16, 16))
    x = np.concatenate(batches)
    y = np.random.default_rng(1).normal(size=(len(x), 6))
    model.compile(optimizer, "mse")
    options = {"validation_data": (x, y), **options}
    history = model.fit(
        x, y, batch_size=16, epochs=2, verbose=0, callbacks=callbacks, **options
    )
    return batches, (x, y), history


def test_validation_sees_recalibrated_statistics():
    model = deep_model(2)
    callback = RecalibrateBatchNorm(make_batches((16, 16)))
    batches, (x, y), history = fit(model, [callback])
    recalibrate_batch_norm(model, batches)
    expected = np.mean((model.predict(x, verbose=0) - y) ** 2)
    assert np.allclose(history.history["val_loss"][-1], expected, rtol=1e-4)


@pytest.mark.thorough
def test_at_the_end_the_statistics_are_those_of_the_last_weights():
    model = deep_model(2)
    callback = RecalibrateBatchNorm(make_batches((16, 16)), when="end")
    batches, *_ = fit(model, [callback])
    after = statistics(model)
    recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), after)


def test_a_training_without_validation_recalibrates_at_its_end():
    model = deep_model(2)
    callback = RecalibrateBatchNorm(make_batches((16, 16)))
    batches, *_ = fit(model, [callback], validation_data=None)
    after = statistics(model)
    recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), after)


@pytest.mark.thorough
def test_averaged_weights_get_their_own_statistics():
    model = deep_model(2)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    callback = RecalibrateBatchNorm(make_batches((16, 16)), when="end")
    batches, *_ = fit(model, [callback], optimizer, validation_data=None)
    after = statistics(model)
    recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), after)


@pytest.mark.thorough
def test_behind_swapped_averages_validation_sees_their_statistics():
    model = deep_model(2)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            before = statistics(self.model)
            recalibrate_batch_norm(self.model, make_batches((16, 16)))
            seen.append((before, statistics(self.model)))

    callback = RecalibrateBatchNorm(make_batches((16, 16)))
    fit(model, [keras.callbacks.SwapEMAWeights(), callback, Look()], optimizer)
    assert_same(*seen[-1])


@pytest.mark.thorough
def test_trained_weights_that_come_back_have_their_statistics():
    model = deep_model(2)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    found = {"trained": [], "validated": [], "saved": []}

    class Look(keras.callbacks.Callback):
        def __init__(self, **moments):
            super().__init__()
            for moment, name in moments.items():
                setattr(self, moment, functools.partial(self.note, name))

        def note(self, name, *_):
            found[name].append(statistics(self.model))

    calls = [
        Look(on_test_begin="trained", on_epoch_end="saved"),
        RecalibrateBatchNorm(make_batches((16, 16))),
        keras.callbacks.SwapEMAWeights(),
        Look(on_test_begin="validated"),
    ]
    batches, *_ = fit(model, calls, optimizer)
    for trained, validated, saved in zip(*found.values(), strict=True):
        assert_same(saved, trained)
        with pytest.raises(AssertionError):
            assert_same(validated, trained)
    # In the end the averages are in the model, with statistics of their own.
    after = statistics(model)
    recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), after)


def test_an_unknown_moment_is_refused():
    with pytest.raises(ValueError, match="validation, end"):
        RecalibrateBatchNorm([], when="sometimes")
