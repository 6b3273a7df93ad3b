import keras
import numpy as np
import pytest

from kerasnorm.layers import SkipInit

pytestmark = pytest.mark.backends


def test_a_branch_starts_silent_and_grows_with_its_gain():
    layer = SkipInit(scale=0.2)
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 4)).astype("float32")
    assert not np.any(keras.ops.convert_to_numpy(layer(x)))
    layer.gain.assign(3.0)
    assert np.allclose(keras.ops.convert_to_numpy(layer(x)), 0.6 * x, atol=1e-6)


def test_the_gain_is_one_number_that_is_trained():
    layer = SkipInit()
    layer.build((None, 4))
    assert [tuple(weight.shape) for weight in layer.trainable_weights] == [()]


def test_the_configuration_makes_the_layer_again():
    config = SkipInit(scale=0.5, initializer="ones", name="skip").get_config()
    assert SkipInit.from_config(config).get_config() == config


def test_masks_pass():
    model = keras.Sequential(
        [keras.Input((3, 2)), keras.layers.Masking(), SkipInit(initializer="ones")]
    )
    outputs = model(np.ones((1, 3, 2), "float32"))
    assert np.array_equal(keras.ops.convert_to_numpy(outputs), np.ones((1, 3, 2)))
