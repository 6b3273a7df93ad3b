import keras
import numpy as np
import pytest

from kerasnorm.layers import ChannelScale
from kerasnorm.models import convnet, resnet
from kerasnorm.surgery import find_norms, swap_norm
from tests.surgery.helpers import conv_bn_relu, images, infer, kinds, numbers

pytestmark = pytest.mark.backends


def photos(count=8, size=32):
    generator = np.random.default_rng(0)
    return generator.uniform(0, 255, (count, size, size, 3)).astype("float32")


def fresh_resnet():
    return resnet((32, 32, 3), 4, 14, zero_gamma=False)


def test_on_its_batch_the_new_network_is_the_old_in_training():
    model, x = fresh_resnet(), photos()
    expected = numbers(model(x, training=True))
    new, report = swap_norm(model, "none", batch=x)
    assert np.allclose(infer(new, x), expected, atol=1e-5)
    assert "given batch" in report.notes[0]


def test_trained_statistics_serve_without_a_batch():
    model = conv_bn_relu()
    new, report = swap_norm(model, "none")
    assert np.allclose(infer(new, images()), infer(model, images()), atol=1e-5)
    assert "moving statistics" in report.notes[0]


@pytest.mark.thorough
def test_without_batch_and_statistics_noise_is_measured_and_reported():
    new, report = swap_norm(fresh_resnet(), "none")
    assert "noise of 0 to 255" in report.notes[0]
    scales = [layer for layer in new.layers if isinstance(layer, ChannelScale)]
    features = keras.Model(new.input, [layer.output for layer in scales])(photos())
    deviations = [np.std(numbers(feature)) for feature in features]
    assert 0.3 < min(deviations) and max(deviations) < 3


def test_frozen_norms_go_on_with_their_own_statistics():
    model = conv_bn_relu()
    for name in ("bn1", "bn2"):
        model.get_layer(name).trainable = False
    new, _ = swap_norm(model, "none", batch=images())
    assert np.allclose(infer(new, images()), infer(model, images()), atol=1e-5)


@pytest.mark.thorough
def test_norms_without_statistics_are_measured_as_well():
    model, x = convnet((16, 16, 3), 3, norm="group", width=8), photos(size=16)
    new, report = swap_norm(model, "none", batch=x)
    assert kinds(new) == []
    assert len(report.swaps) == len(find_norms(model))
    assert np.all(np.isfinite(infer(new, x)))


def test_two_numbers_a_channel_make_no_factor_that_explodes():
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((1, 1, 32))
    for _ in range(20):
        x = keras.layers.Conv2D(32, 1, use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
    batch = np.random.default_rng(0).normal(size=(2, 1, 1, 32)).astype("float32")
    new, _ = swap_norm(keras.Model(inputs, x), "none", batch=batch)
    assert 0.1 < np.std(infer(new, batch)) < 3


@pytest.mark.thorough
def test_it_trains():
    new, _ = swap_norm(fresh_resnet(), "none", batch=photos())
    new.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    labels = np.arange(8) % 4
    losses = [float(new.train_on_batch(photos(), labels)) for _ in range(3)]
    assert losses[-1] < losses[0] < 2
