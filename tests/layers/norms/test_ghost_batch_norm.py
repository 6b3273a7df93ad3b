import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy, outputs_and_gradients

SHAPE = (10, 3, 4, 5)


def random(seed, shape=SHAPE):
    return np.random.default_rng(seed).normal(1.0, 2.0, size=shape).astype("float32")


@pytest.mark.backends
@pytest.mark.parametrize("size", [10, 64])
@pytest.mark.parametrize("update_per_part", [True, False])
def test_one_part_is_batch_norm_in_training(size, update_per_part):
    x, dy = random(1), random(2)
    ours = layers.GhostBatchNorm(size, update_per_part=update_per_part)
    theirs = keras.layers.BatchNormalization()
    results = []
    for layer in (ours, theirs):
        layer.build(SHAPE)
        results.append(outputs_and_gradients(layer, x, dy, training=True))
    for one, other in zip(*results, strict=True):
        assert np.max(np.abs(one - other)) < 1e-5 * np.max(np.abs(other))
    for name in ("moving_mean", "moving_variance"):
        assert np.allclose(
            numpy(getattr(ours, name)), numpy(getattr(theirs, name)), atol=1e-6
        )


@pytest.mark.backends
def test_parts_are_in_order_and_near_equal():
    x = random(1)
    layer = layers.GhostBatchNorm(4)
    y = numpy(layer(x, training=True))
    for part in (slice(0, 4), slice(4, 7), slice(7, 10)):
        alone = numpy(layers.GhostBatchNorm(4)(x[part], training=True))
        assert np.allclose(y[part], alone, atol=1e-5)


def moved(per_part, parts, momentum):
    """Return the moving average after one step from 0."""
    if not per_part:
        return (1 - momentum) * np.mean(parts, axis=0)
    moving = 0.0
    for part in parts:
        moving = momentum * moving + (1 - momentum) * part
    return moving


@pytest.mark.backends
@pytest.mark.parametrize("per_part", [True, False])
def test_moving_averages_follow_the_parts(per_part):
    x = random(1)
    layer = layers.GhostBatchNorm(4, momentum=0.8, update_per_part=per_part)
    layer(x, training=True)
    means = [part.mean((0, 1, 2)) for part in (x[:4], x[4:7], x[7:])]
    assert np.allclose(numpy(layer.moving_mean), moved(per_part, means, 0.8), atol=1e-5)


@pytest.mark.backends
@pytest.mark.parametrize("samples", [1, 3, 10])
def test_inference_is_batch_norm_at_any_batch_size(samples):
    ours, theirs = layers.GhostBatchNorm(4), keras.layers.BatchNormalization()
    for layer in (ours, theirs):
        layer.build(SHAPE)
        layer.moving_mean.assign([0.0, 1.0, 2.0, 3.0, 4.0])
    x = random(1)[:samples]
    assert np.array_equal(numpy(ours(x)), numpy(theirs(x)))


@pytest.mark.backends
def test_a_frozen_layer_is_in_inference():
    layer, x = layers.GhostBatchNorm(4), random(1)
    layer.build(SHAPE)
    layer.trainable = False
    assert np.array_equal(numpy(layer(x, training=True)), numpy(layer(x)))
    assert np.all(numpy(layer.moving_mean) == 0.0)


def test_a_mask_in_training_is_refused():
    with pytest.raises(ValueError, match=r"no mask.*Received: a mask of shape"):
        layers.GhostBatchNorm(4)(
            random(1, (4, 6, 3)), training=True, mask=np.ones((4, 6), bool)
        )
