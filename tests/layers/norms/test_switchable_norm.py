import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy, outputs_and_gradients

SHAPE = (4, 5, 5, 3)
SURE = 60.0


def random(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(1.0, 2.0, size=shape).astype("float32")


def sure_of(member):
    """Return a layer whose weights are all at one member."""
    layer = layers.SwitchableNorm(epsilon=1e-3)
    layer.build(SHAPE)
    logits = np.zeros(3)
    logits[member] = SURE
    layer.mean_logits.assign(logits)
    layer.variance_logits.assign(logits)
    return layer


MEMBERS = [
    lambda: layers.InstanceNorm(epsilon=1e-3),
    lambda: layers.GroupNorm(1, epsilon=1e-3),
    lambda: keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.9),
]


@pytest.mark.backends
@pytest.mark.parametrize("member", [0, 1, 2])
def test_with_one_hot_logits_it_is_that_member_in_training(member):
    x, dy = random(1), random(2)
    ours, theirs = sure_of(member), MEMBERS[member]()
    theirs.build(SHAPE)
    call = {"training": True} if member == 2 else {}
    expected = outputs_and_gradients(theirs, x, dy, **call)
    found = outputs_and_gradients(ours, x, dy, training=True)
    for one, other in zip(found[:4], expected, strict=True):
        assert np.max(np.abs(one - other)) < 1e-5 * np.max(np.abs(other))
    if member == 2:
        for name in ("moving_mean", "moving_variance"):
            assert np.allclose(numpy(getattr(ours, name)), numpy(getattr(theirs, name)))


@pytest.mark.backends
def test_sure_of_the_batch_it_is_batch_norm_in_inference():
    ours, theirs = sure_of(2), MEMBERS[2]()
    theirs.build(SHAPE)
    for layer in (ours, theirs):
        layer.moving_mean.assign([0.5, -1.0, 2.0])
        layer.moving_variance.assign([0.5, 1.0, 2.0])
    x = random(1)
    assert np.allclose(numpy(ours(x)), numpy(theirs(x)), atol=1e-5)


@pytest.mark.backends
def test_shares_start_equal():
    layer = layers.SwitchableNorm()
    layer.build(SHAPE)
    for logits in (layer.mean_logits, layer.variance_logits):
        assert np.allclose(numpy(keras.ops.softmax(logits.value)), 1 / 3)


@pytest.mark.backends
def test_moving_averages_move_in_training_only():
    layer, x = layers.SwitchableNorm(momentum=0.75), random(1)
    layer(x)
    assert np.all(numpy(layer.moving_mean) == 0.0)
    layer(x, training=True)
    assert np.allclose(numpy(layer.moving_mean), 0.25 * x.mean((0, 1, 2)), atol=1e-5)
    variance = 0.75 + 0.25 * x.var((0, 1, 2))
    assert np.allclose(numpy(layer.moving_variance), variance, atol=1e-5)


@pytest.mark.backends
def test_a_frozen_layer_is_in_inference():
    layer, x = layers.SwitchableNorm(), random(1)
    layer.build(SHAPE)
    layer.trainable = False
    assert np.array_equal(numpy(layer(x, training=True)), numpy(layer(x)))
    assert np.all(numpy(layer.moving_mean) == 0.0)


@pytest.mark.backends
def test_without_moving_average_inference_takes_the_batch_at_hand():
    layer, x = layers.SwitchableNorm(moving_average=False), random(1)
    assert np.array_equal(
        numpy(layer(x, training=False)), numpy(layer(x, training=True))
    )
    assert [weight.name for weight in layer.non_trainable_weights] == []


@pytest.mark.backends
def test_without_batch_statistics_no_sample_sees_another():
    layer, x = layers.SwitchableNorm(batch_statistics=False), random(1)
    whole = numpy(layer(x, training=True))
    alone = numpy(layer(x[:1], training=True))
    assert np.allclose(whole[:1], alone, atol=1e-6)
    assert layer.mean_logits.shape == (2,)
