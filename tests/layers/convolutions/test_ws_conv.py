import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy, outputs_and_gradients

SHAPE = (2, 6, 6, 4)


def random(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.backends
def test_each_filter_has_mean_zero_and_deviation_one():
    layer = layers.WSConv2D(5, 3)
    layer.build(SHAPE)
    kernel = numpy(layer.standardized_kernel())
    assert np.allclose(kernel.mean((0, 1, 2)), 0.0, atol=1e-6)
    assert np.allclose(kernel.std((0, 1, 2)), 1.0, atol=1e-3)


@pytest.mark.backends
def test_each_scaled_filter_keeps_the_variance_times_its_gain():
    layer = layers.ScaledWSConv2D(5, 3)
    layer.build(SHAPE)
    layer.gain.assign([0.0, 0.5, 1.0, 2.0, 3.0])
    kernel = numpy(layer.standardized_kernel())
    assert np.allclose(
        kernel.std((0, 1, 2)) * np.sqrt(9 * 4), [0.0, 0.5, 1.0, 2.0, 3.0], atol=1e-4
    )


@pytest.mark.backends
def test_depthwise_filters_are_standardized_each_on_its_own():
    layer = layers.ScaledWSDepthwiseConv2D(3, depth_multiplier=2)
    layer.build(SHAPE)
    kernel = numpy(layer.standardized_kernel())
    assert kernel.shape == (3, 3, 4, 2)
    assert np.allclose(kernel.mean((0, 1)), 0.0, atol=1e-6)
    assert np.allclose(kernel.std((0, 1)) * 3, 1.0, atol=1e-4)
    assert layer.gain.shape == (8,)


MAKE = [
    lambda **kw: layers.WSConv2D(5, 3, **kw),
    lambda **kw: layers.ScaledWSConv2D(5, 3, **kw),
    lambda **kw: layers.ScaledWSDepthwiseConv2D(3, **kw),
]
PLAIN = [
    lambda **kw: keras.layers.Conv2D(5, 3, **kw),
    lambda **kw: keras.layers.Conv2D(5, 3, **kw),
    lambda **kw: keras.layers.DepthwiseConv2D(3, **kw),
]


@pytest.mark.backends
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    "options",
    [
        {"padding": "same", "strides": 2, "activation": "relu"},
        {"dilation_rate": 2, "use_bias": False},
    ],
)
def test_a_plain_layer_with_the_standardized_kernel_gives_the_same(which, options):
    ours, plain = MAKE[which](**options), PLAIN[which](**options)
    ours.build(SHAPE)
    plain.build(SHAPE)
    plain.kernel.assign(ours.standardized_kernel())
    if plain.use_bias:
        ours.bias.assign(random(3, ours.bias.shape))
        plain.bias.assign(ours.bias)
    x = random(1)
    assert np.allclose(numpy(ours(x)), numpy(plain(x)), atol=1e-6)


@pytest.mark.backends
@pytest.mark.parametrize("make", MAKE)
def test_a_filter_of_equal_weights_gives_zero_and_finite_gradients(make):
    layer = make(use_bias=False)
    layer.build(SHAPE)
    layer.weights[0].assign(np.full(layer.weights[0].shape, 0.25))
    x = random(1)
    dy = np.ones(layer.compute_output_shape(SHAPE), "float32")
    y, *gradients = outputs_and_gradients(layer, x, dy)
    assert np.all(y == 0.0)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.backends
def test_a_trained_gain_is_saved(tmp_path):
    layer = layers.ScaledWSConv2D(2, 3)
    model = keras.Sequential([keras.Input(SHAPE[1:]), layer])
    layer.gain.assign([3.0, 4.0])
    model.save_weights(tmp_path / "model.weights.h5")
    layer.gain.assign([1.0, 1.0])
    model.load_weights(tmp_path / "model.weights.h5")
    assert np.allclose(numpy(layer.gain), [3.0, 4.0])


def test_groups_count_into_the_fan_in():
    with pytest.raises(ValueError, match="at least 2 weights per filter"):
        layers.ScaledWSConv2D(4, 1, groups=4).build(SHAPE)
