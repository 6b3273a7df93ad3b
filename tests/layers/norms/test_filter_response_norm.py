import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy, outputs_and_gradients

SHAPE = (2, 5, 5, 3)


def random(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.backends
@pytest.mark.parametrize("factor", [1e-1, 1e3])
def test_scaling_the_input_leaves_the_output(factor):
    x, layer = random(1), layers.FilterResponseNorm(epsilon=1e-12)
    assert np.allclose(numpy(layer(x * factor)), numpy(layer(x)), atol=1e-5)


@pytest.mark.backends
def test_starts_as_a_relu_of_the_normalized_input():
    x = random(1)
    plain = numpy(layers.FilterResponseNorm(tlu=False)(x))
    assert np.allclose(numpy(layers.FilterResponseNorm()(x)), np.maximum(plain, 0.0))


@pytest.mark.backends
def test_the_layer_with_tlu_is_the_layer_without_followed_by_tlu():
    x, dy = random(1), random(2)
    joint, norm, unit = (
        layers.FilterResponseNorm(),
        layers.FilterResponseNorm(tlu=False),
        layers.TLU(),
    )
    for layer in (joint, norm, unit):
        layer.build(SHAPE)
    for layer in (joint, unit):
        layer.tau.assign([0.3, -0.2, 0.1])
    y, dx, *_, d_tau = outputs_and_gradients(joint, x, dy)
    middle = numpy(norm(x))
    two_y, d_middle, two_d_tau = outputs_and_gradients(unit, middle, dy)
    two_dx = outputs_and_gradients(norm, x, d_middle)[1]
    for one, other in ((y, two_y), (dx, two_dx), (d_tau, two_d_tau)):
        assert np.allclose(one, other, atol=1e-5)


@pytest.mark.backends
def test_epsilon_starts_at_its_paper_value_and_counts_by_its_size():
    x = random(1, (4, 1, 1, 3))
    layer = layers.FilterResponseNorm(learn_epsilon=True)
    layer.build(x.shape)
    assert np.allclose(numpy(layer.epsilon_l), 1e-4)
    layer.epsilon_l.assign([0.5, 0.5, 0.5])
    positive = numpy(layer(x))
    layer.epsilon_l.assign([-0.5, -0.5, -0.5])
    assert np.array_equal(numpy(layer(x)), positive)


@pytest.mark.backends
@pytest.mark.parametrize("make", [layers.FilterResponseNorm, layers.TLU])
def test_a_number_on_the_threshold_passes_its_gradient_to_tau(make):
    x, dy = np.zeros(SHAPE, "float32"), np.ones(SHAPE, "float32")
    layer = make()
    layer.build(SHAPE)
    _, dx, *_, d_tau = outputs_and_gradients(layer, x, dy)
    assert np.all(dx == 0.0)
    assert np.allclose(d_tau, 50.0)


@pytest.mark.backends
@pytest.mark.parametrize("make", [layers.FilterResponseNorm, layers.TLU])
def test_the_threshold_hides_no_nan(make):
    x = random(1)
    x[0, 0, 0, 0] = np.nan
    assert np.isnan(numpy(make()(x))[0, 0, 0, 0])
