import keras
import numpy as np
import pytest

from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.layers import GhostBatchNorm, SwitchableNorm
from tests.reference import recalibration as reference

pytestmark = pytest.mark.backends


def numbers(value):
    return np.array(keras.ops.convert_to_numpy(value))


def make_batches(sizes=(16, 16, 7), features=5, seed=0):
    generator = np.random.default_rng(seed)
    # Batches of different means, as of data that is not quite shuffled.
    return [
        generator.normal(3 * index, 2, (size, features)).astype("float32")
        for index, size in enumerate(sizes)
    ]


def deep_model(depth=3, dropout=0.0, features=5):
    layers = [keras.Input((features,))]
    for _ in range(depth):
        layers += [
            keras.layers.Dense(6, bias_initializer="normal"),
            keras.layers.BatchNormalization(
                gamma_initializer=keras.initializers.RandomUniform(0.5, 2),
                beta_initializer="normal",
            ),
            keras.layers.ReLU(),
            keras.layers.Dropout(dropout),
        ]
    return keras.Sequential(layers)


def norms(model):
    kind = keras.layers.BatchNormalization
    return [layer for layer in model.layers if isinstance(layer, kind)]


def statistics(model):
    return [(numbers(n.moving_mean), numbers(n.moving_variance)) for n in norms(model)]


def assert_same(first, second, tolerance=1e-5):
    for a, b in zip(first, second, strict=True):
        assert np.allclose(a[0], b[0], rtol=tolerance, atol=tolerance)
        assert np.allclose(a[1], b[1], rtol=tolerance, atol=tolerance)


def test_statistics_equal_the_reference_at_any_depth():
    model, batches = deep_model(), make_batches()
    layers = [
        (
            numbers(dense.kernel),
            numbers(dense.bias),
            numbers(norm.gamma),
            numbers(norm.beta),
            norm.epsilon,
        )
        for dense, norm in zip(model.layers[::4], norms(model), strict=True)
    ]
    assert recalibrate_batch_norm(model, batches) == 39
    assert_same(statistics(model), reference.recalibrate(batches, layers))


def test_one_batch_makes_inference_equal_training():
    model, (batch,) = deep_model(), make_batches((32,))
    recalibrate_batch_norm(model, [batch])
    expected = numbers(model(batch, training=True))
    recalibrate_batch_norm(model, [batch])
    assert np.allclose(numbers(model(batch, training=False)), expected, atol=1e-5)


def test_the_order_of_the_batches_does_not_matter():
    model, batches = deep_model(), make_batches()
    recalibrate_batch_norm(model, batches)
    first = statistics(model)
    recalibrate_batch_norm(model, batches[::-1])
    assert_same(statistics(model), first, 1e-6)


def test_dropout_is_off():
    plain, dropping = deep_model(), deep_model(dropout=0.5)
    dropping.set_weights(plain.get_weights())
    for model in (plain, dropping):
        recalibrate_batch_norm(model, make_batches())
    assert_same(statistics(plain), statistics(dropping))


def test_stale_statistics_have_no_part_in_the_result():
    model, batches = deep_model(), make_batches()
    recalibrate_batch_norm(model, batches)
    first = statistics(model)
    for norm in norms(model):
        norm.moving_mean.assign(numbers(norm.moving_mean) + 100)
    recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), first, 1e-6)


def test_weights_stay_as_they_are():
    model = deep_model()
    before = [numbers(v) for v in model.trainable_variables]
    recalibrate_batch_norm(model, make_batches())
    after = [numbers(v) for v in model.trainable_variables]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_large_offsets_keep_their_variance():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    x = np.random.default_rng(0).normal(1e4, 1, (256, 2)).astype("float32")
    recalibrate_batch_norm(model, [x[:100], x[100:]])
    assert np.allclose(statistics(model)[0][1], np.float64(x).var(axis=0), rtol=1e-3)


def test_convolutions_count_their_pixels():
    model = keras.Sequential(
        [keras.Input((3, 4, 2)), keras.layers.BatchNormalization()]
    )
    x = np.random.default_rng(0).normal(1, 2, (9, 3, 4, 2)).astype("float32")
    recalibrate_batch_norm(model, [x[:2], x[2:]])
    expected = [(x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2)))]
    assert_same(statistics(model), expected)


def test_a_shared_norm_averages_all_its_calls():
    norm = keras.layers.BatchNormalization()
    inputs = keras.Input((2,))
    model = keras.Model(inputs, [norm(inputs), norm(10 - inputs)])
    x = np.random.default_rng(0).normal(3, 1, (8, 2)).astype("float32")
    recalibrate_batch_norm(model, [x])
    both = np.concatenate([x, 10 - x])
    assert np.allclose(numbers(norm.moving_mean), both.mean(axis=0), atol=1e-5)
    assert np.allclose(numbers(norm.moving_variance), both.var(axis=0), atol=1e-4)


def test_masked_positions_do_not_count():
    norm = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((4, 2)), keras.layers.Masking(0.0), norm])
    x = np.random.default_rng(0).normal(1, 1, (3, 4, 2)).astype("float32")
    x[:, 3] = 0
    recalibrate_batch_norm(model, [x])
    kept = x[:, :3].reshape(-1, 2)
    assert np.allclose(numbers(norm.moving_mean), kept.mean(axis=0), atol=1e-5)
    assert np.allclose(numbers(norm.moving_variance), kept.var(axis=0), atol=1e-5)


def test_frozen_norms_keep_their_statistics():
    model = deep_model()
    norms(model)[0].trainable = False
    before = statistics(model)[0]
    recalibrate_batch_norm(model, make_batches())
    assert_same(statistics(model)[:1], [before])
    assert not np.allclose(statistics(model)[1][0], 0)


def test_nested_and_subclassed_models_are_entered():
    class Outer(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = deep_model(1)
            self.parts = [keras.layers.Dense(3), keras.layers.BatchNormalization()]

        def call(self, x):
            for layer in [self.inner, *self.parts]:
                x = layer(x)
            return x

    model, batches = Outer(), make_batches()
    model(batches[0])
    recalibrate_batch_norm(model, batches)
    assert not np.allclose(numbers(model.parts[1].moving_mean), 0)
    assert not np.allclose(numbers(norms(model.inner)[0].moving_mean), 0)


@pytest.mark.parametrize("norm", [SwitchableNorm(), GhostBatchNorm(8)])
def test_our_norms_with_moving_statistics_are_recalibrated(norm):
    model = keras.Sequential([keras.Input((4, 4, 3)), norm])
    x = np.random.default_rng(0).normal(5, 2, (8, 4, 4, 3)).astype("float32")
    recalibrate_batch_norm(model, [x])
    assert np.allclose(numbers(norm.moving_mean), x.mean(axis=(0, 1, 2)), atol=1e-4)
    assert np.allclose(numbers(norm.moving_variance), x.var(axis=(0, 1, 2)), atol=1e-4)


def test_it_stops_after_enough_samples():
    assert recalibrate_batch_norm(deep_model(1), make_batches(), samples=20) == 32


def test_targets_are_left_aside():
    batches = [(x, np.zeros(len(x))) for x in make_batches()]
    assert recalibrate_batch_norm(deep_model(1), batches) == 39


@pytest.mark.parametrize("form", ["x", "x, y", "x, y, weights", "[x], y"])
def test_whole_arrays_are_cut_into_batches(form):
    """As `fit(*train)` and `doctor.examine(model, train)` take them."""
    x = np.concatenate(make_batches((32, 32, 9)))
    # Targets of the inputs' shape must not count as inputs, as of an autoencoder.
    given = {"x": (x,), "x, y": (x, 2 * x), "x, y, weights": (x, x, np.ones(73))}
    given["[x], y"] = ([x], np.zeros(73))
    model, expected = deep_model(2), deep_model(2)
    expected.set_weights(model.get_weights())
    assert recalibrate_batch_norm(model, given[form]) == 73
    recalibrate_batch_norm(expected, np.split(x, [32, 64]))
    assert_same(statistics(model), statistics(expected), 1e-6)


def test_py_datasets_are_read_to_their_end():
    class Data(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return make_batches()[index], np.zeros(16)

    assert recalibrate_batch_norm(deep_model(1), Data()) == 32


def test_a_model_without_batch_norm_has_nothing_to_do():
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    assert recalibrate_batch_norm(model, make_batches()) == 0


def test_no_batches_are_an_error():
    with pytest.raises(ValueError, match="at least one batch"):
        recalibrate_batch_norm(deep_model(1), iter([]))


def test_one_array_is_not_taken_for_batches():
    with pytest.raises(TypeError, match="one array"):
        recalibrate_batch_norm(deep_model(1), make_batches()[0])


def test_nan_leaves_the_model_as_it_was():
    model, batches = deep_model(2), make_batches()
    before = statistics(model)
    batches[1][0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        recalibrate_batch_norm(model, batches)
    assert_same(statistics(model), before, 0)


class Partly(keras.Model):
    """Calls some of its networks, and none of the others."""

    def __init__(self, called, more=()):
        super().__init__()
        self.called, self.more = list(called), list(more)

    def call(self, x):
        for network in self.called:
            x = network(x)
        return x


def test_norms_that_the_model_does_not_call_are_not_passed_over_in_silence():
    (x,) = make_batches((16,))
    networks = [deep_model(1), deep_model(1)]
    before = statistics(networks[1])
    with pytest.warns(UserWarning, match="1 of 2 called"):
        assert recalibrate_batch_norm(Partly(networks[:1], networks[1:]), [x]) == 16
    assert_same(statistics(networks[1]), before)
    with pytest.raises(ValueError, match="reaches none of 2"):
        recalibrate_batch_norm(Partly([], networks), [x])


class Stepping(Partly):
    """Its own test step calls them all, also those that `call` does not."""

    def test_step(self, data):
        x = data[0]
        for network in (*self.called, *self.more):
            x = network(x, training=False)
        return {"loss": keras.ops.mean(x)}


@pytest.mark.skipif(
    keras.config.backend() == "jax", reason="JAX hands its test step a state, too"
)
def test_a_test_step_of_its_own_reaches_what_call_does_not():
    (x,) = make_batches((16,))
    first, second = deep_model(1), deep_model(1, features=6)
    whole = keras.Sequential([*first.layers, *second.layers])
    recalibrate_batch_norm(whole, [x])
    wanted = statistics(whole)
    for norm in norms(whole):
        norm.moving_mean.assign(norm.moving_mean + 1)
    model = Stepping([first], [second])
    model.compile()
    recalibrate_batch_norm(model, [(x,)])
    assert_same(statistics(whole), wanted)
