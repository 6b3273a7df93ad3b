import keras
import numpy as np
import pytest

from kerasnorm.layers import ChannelScale

pytestmark = pytest.mark.backends


@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 4), (2, 3, 5, 4)])
def test_channels_are_scaled_and_shifted(shape):
    layer = ChannelScale(
        gamma_initializer=keras.initializers.RandomNormal(),
        beta_initializer=keras.initializers.RandomNormal(),
    )
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    received = keras.ops.convert_to_numpy(layer(x))
    gamma, beta = map(keras.ops.convert_to_numpy, (layer.gamma, layer.beta))
    assert np.allclose(received, x * gamma + beta, atol=1e-6)


def test_channels_may_come_first():
    layer = ChannelScale(axis=1)
    layer.build((None, 2, 3, 3))
    layer.gamma.assign([2.0, 3.0])
    received = keras.ops.convert_to_numpy(layer(np.ones((1, 2, 3, 3), "float32")))
    assert np.array_equal(received[0, :, 0, 0], [2, 3])


def test_the_configuration_makes_the_layer_again():
    config = ChannelScale(axis=1, center=False, name="scale").get_config()
    assert ChannelScale.from_config(config).get_config() == config


def test_half_precision_is_kept():
    layer = ChannelScale(dtype="mixed_bfloat16")
    outputs = layer(np.ones((2, 3), "float32"))
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert keras.backend.standardize_dtype(layer.gamma.dtype) == "float32"
