import keras
import numpy as np
import pytest

from kerasnorm import optimizers
from kerasnorm.optimizers import LayerRates, rising_rates
from tests.optimizers import harness

RULES = {
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "adamw": lambda rate: keras.optimizers.AdamW(rate, weight_decay=0.1),
    "rmsprop": lambda rate: keras.optimizers.RMSprop(rate),
    "muon": lambda rate: optimizers.Muon(rate, weight_decay=0.1),
}


@pytest.mark.backends
@pytest.mark.parametrize("make", RULES.values(), ids=RULES)
def test_a_factor_is_a_smaller_learning_rate(make):
    rate, results = 0.01, []
    for factor in (1.0, 0.5, 0.1):
        _, variables, _ = harness.make_variables(["dense", "conv2d"])
        harness.random_weights(variables)
        steps = harness.random_gradients(variables, steps=20)
        wrapped = LayerRates(make(rate), [factor] * len(variables))
        after = harness.run_steps(wrapped, variables, steps)
        _, variables, _ = harness.make_variables(["dense", "conv2d"])
        harness.random_weights(variables)
        expected = harness.run_steps(make(rate * factor), variables, steps)
        harness.assert_all_close(after, expected)
        results.append(after[0])
    assert not np.allclose(results[0], results[2])


@pytest.mark.backends
def test_every_variable_has_its_own_factor():
    _, variables, _ = harness.make_variables(["dense", "conv2d"])
    before = harness.random_weights(variables)
    ones = [np.ones(v.shape, "float32") for v in variables]
    factors = [0.0, 1.0, *[0.25] * (len(variables) - 2)]
    after = harness.run_steps(
        LayerRates(keras.optimizers.SGD(1.0), factors), variables, [ones]
    )
    for old, new, factor in zip(before, after, factors, strict=True):
        np.testing.assert_allclose(old - new, factor, atol=1e-5)


def test_factors_rise_by_the_same_ratio_through_nested_networks():
    images = keras.Input((8, 8, 3))
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.Conv2D(2, 3)]
    )
    x = keras.layers.GlobalAveragePooling2D()(inner(images))
    model = keras.Model(images, keras.layers.Dense(2)(x))
    factors = rising_rates(model, 0.01)
    np.testing.assert_allclose(factors, [0.01, 0.01, 0.1, 0.1, 1.0, 1.0])
    inner.trainable = False
    assert rising_rates(model, 0.01) == [0.01, 0.01]


@pytest.mark.parametrize("factor", [-0.1, 1.5, float("nan")])
def test_a_factor_out_of_range_is_refused(factor):
    with pytest.raises(ValueError, match="`factors` from 0 to 1"):
        LayerRates("sgd", [0.5, factor])


def test_factors_of_other_layers_are_refused():
    _, variables, _ = harness.make_variables(["dense"])
    with pytest.raises(ValueError, match=r"make them anew"):
        LayerRates("sgd", [1.0]).build(variables)


@pytest.mark.thorough
def test_a_saved_model_goes_on(tmp_path):
    model, (x, y) = harness.small_model(), harness.small_data(24)
    factors = rising_rates(model, 0.1)
    model.compile(LayerRates(keras.optimizers.AdamW(0.01), factors), "mse")
    model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.optimizer.factors == factors
    for one in (model, again):
        one.fit(x, y, epochs=1, shuffle=False, verbose=0)
    harness.assert_all_close(model.get_weights(), again.get_weights())
