import keras
import numpy as np
import pytest

from kerasnorm.callbacks import NormStatistics

pytestmark = pytest.mark.backends


def model_with(*layers):
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def logs_of(model, x, **options):
    callback = NormStatistics([(x, x[:, :1])], **options)
    callback.set_model(model)
    logs = {}
    callback.on_epoch_end(0, logs)
    return logs


def test_the_distance_is_what_the_formula_says():
    x = np.random.default_rng(0).normal(2.0, 3.0, (64, 3)).astype("float32")
    norm = keras.layers.BatchNormalization(name="bn")
    model = model_with(norm)
    norm.moving_mean.assign([1.0, 0.0, 5.0])
    norm.moving_variance.assign([1.0, 4.0, 9.0])
    before = model.get_weights()
    logs = logs_of(model, x)
    mean, variance = x.mean(0, dtype="float64"), x.var(0, dtype="float64")
    scale = variance + norm.epsilon
    expected_mean = np.mean(np.abs([1, 0, 5] - mean) / np.sqrt(scale))
    expected_variance = np.mean(np.abs(np.log((np.array([1, 4, 9]) + 1e-3) / scale)))
    assert logs[f"norm_mean_distance/{norm.path}"] == pytest.approx(
        expected_mean, rel=1e-4
    )
    assert logs[f"norm_variance_distance/{norm.path}"] == pytest.approx(
        expected_variance, rel=1e-4
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_without_batch_norms_logs_nothing():
    x = np.ones((4, 3), "float32")
    assert logs_of(model_with(keras.layers.LayerNormalization()), x) == {}


def test_the_values_reach_the_history():
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    model = model_with(keras.layers.BatchNormalization())
    history = model.fit(
        x, x[:, :1], verbose=0, callbacks=[NormStatistics([(x, x[:, :1])])]
    )
    assert sum("distance" in name for name in history.history) == 2


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="samples"):
        NormStatistics([], samples=0)
