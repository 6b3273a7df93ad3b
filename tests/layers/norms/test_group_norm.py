import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy, outputs_and_gradients

SHAPE = (2, 14, 14, 8)


@pytest.fixture
def x():
    return np.random.default_rng(3).normal(2.0, 3.0, SHAPE).astype("float32")


@pytest.fixture
def dy():
    return np.random.default_rng(4).normal(size=SHAPE).astype("float32")


def assert_same(ours, theirs, tolerance=1e-5):
    for one, other in zip(ours, theirs, strict=True):
        assert np.max(np.abs(one - other)) < tolerance * np.max(np.abs(other))


@pytest.mark.backends
@pytest.mark.parametrize("groups", [1, 4, -1])
def test_equals_keras_group_normalization(x, dy, groups):
    ours = layers.GroupNorm(groups, epsilon=1e-3)
    theirs = keras.layers.GroupNormalization(groups, epsilon=1e-3)
    for layer in (ours, theirs):
        layer.build(SHAPE)
    assert_same(
        outputs_and_gradients(ours, x, dy), outputs_and_gradients(theirs, x, dy)
    )


@pytest.mark.backends
def test_one_group_is_layer_norm_over_pixels_and_channels(x):
    ours = layers.GroupNorm(1, epsilon=1e-3)
    theirs = keras.layers.LayerNormalization(axis=(1, 2, 3), epsilon=1e-3)
    assert_same([numpy(ours(x))], [numpy(theirs(x))])


@pytest.mark.backends
def test_a_group_per_channel_is_instance_norm(x, dy):
    ours, theirs = layers.GroupNorm(8), layers.InstanceNorm()
    for layer in (ours, theirs):
        layer.build(SHAPE)
    assert_same(
        outputs_and_gradients(ours, x, dy), outputs_and_gradients(theirs, x, dy), 1e-7
    )


@pytest.mark.backends
def test_group_size_counts_channels_instead_of_groups(x):
    by_size, by_count = layers.GroupNorm(group_size=2), layers.GroupNorm(4)
    assert_same([numpy(by_size(x))], [numpy(by_count(x))], 1e-7)


@pytest.mark.backends
def test_an_offset_of_a_million_deviations_costs_nothing(x):
    shifted = (np.round(x * 8) / 8 + 2.0**20).astype("float32")
    near = shifted - np.float32(2.0**20)
    layer = layers.GroupNorm(4)
    assert_same([numpy(layer(shifted))], [numpy(layer(near))])


@pytest.mark.backends
def test_no_gradient_flows_from_one_sample_to_another(x, dy):
    dy[1:] = 0.0
    layer = layers.GroupNorm(4)
    layer.build(SHAPE)
    _, dx, *_ = outputs_and_gradients(layer, x, dy)
    assert np.all(dx[1:] == 0.0)


@pytest.mark.backends
def test_integers_are_normalized_too():
    pixels = np.random.default_rng(5).integers(0, 255, (2, 4, 4, 6), "uint8")
    layer = layers.GroupNorm(3)
    assert_same([numpy(layer(pixels))], [numpy(layer(pixels.astype("float32")))], 1e-7)


@pytest.mark.backends
@pytest.mark.parametrize(
    ("kwargs", "names"),
    [
        ({"center": False}, ["gamma"]),
        ({"scale": False}, ["beta"]),
        ({"center": False, "scale": False}, []),
    ],
)
def test_center_and_scale_leave_their_weight_out(x, dy, kwargs, names):
    layer, full = layers.GroupNorm(4, **kwargs), layers.GroupNorm(4)
    for one in (layer, full):
        one.build(SHAPE)
    assert [weight.name for weight in layer.weights] == names
    ours = outputs_and_gradients(layer, x, dy)
    assert_same(ours[:2], outputs_and_gradients(full, x, dy)[:2], 1e-7)


def test_regularizer_constraint_and_initializer_reach_their_weights():
    layer = layers.GroupNorm(
        1,
        gamma_initializer="zeros",
        beta_initializer=keras.initializers.Constant(2.0),
        beta_regularizer=keras.regularizers.L2(0.5),
        gamma_constraint="non_neg",
    )
    layer.build(SHAPE)
    assert np.all(numpy(layer.gamma) == 0.0)
    assert np.all(numpy(layer.beta) == 2.0)
    assert float(layer.losses[0]) == pytest.approx(0.5 * 4.0 * 8)
    assert isinstance(layer.gamma.constraint, keras.constraints.NonNeg)


@pytest.mark.parametrize("shape", [(None, 1, 1, 8), (None, 8)])
def test_a_layer_that_can_only_return_beta_says_so(shape):
    with pytest.warns(UserWarning, match="returns `beta` whatever"):
        layers.InstanceNorm().build(shape)


def test_a_mask_passes_through():
    assert layers.GroupNorm(1).supports_masking
