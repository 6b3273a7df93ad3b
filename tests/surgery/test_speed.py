import keras
import numpy as np
import pytest

from kerasnorm.inspection import layer_tree
from kerasnorm.surgery import use_fused_batch_norm
from tests.surgery.helpers import conv_bn_relu, images, numbers

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a kernel of TensorFlow"
)

SHAPES = [(4, 5, 7, 3), (1, 6, 6, 2), (3, 1, 1, 4), (2, 3, 3, 1), (1, 1, 1, 2)]


def data(shape, mean=0.0, deviation=1.0, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(mean, deviation, shape).astype("float32")


def norm_model(shape, dtype="float32", **options):
    """Build a model of one batch norm whose weights and statistics are not trivial."""
    layer = keras.layers.BatchNormalization(dtype=dtype, name="norm", **options)
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    generator = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(generator.uniform(0.5, 1.5, weight.shape).astype("float32"))
    return model


def learn(model, x, upstream, graph, jit_compile=False):
    """Return outputs, gradients and moving statistics of one training step."""
    import tensorflow as tf

    @tf.function(jit_compile=jit_compile)
    def compiled(x, upstream):
        return step(x, upstream)

    def step(x, upstream):
        variables = [weight.value for weight in model.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
        return y, tape.gradient(y, [x, *variables], tf.cast(upstream, y.dtype))

    function = compiled if graph else step
    y, gradients = function(tf.constant(x), tf.constant(upstream))
    return [
        np.asarray(value, "float64")
        for value in (y, *gradients, *map(numbers, model.non_trainable_weights))
    ]


def both(shape, x, upstream, dtype="float32", graph=True, jit_compile=False, **options):
    plain, fast = (norm_model(shape, dtype, **options) for _ in range(2))
    assert use_fused_batch_norm(fast) == 1
    return [learn(model, x, upstream, graph, jit_compile) for model in (plain, fast)]


@on_tensorflow
@pytest.mark.parametrize("graph", [True, False], ids=["graph", "eager"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_training_step_is_that_of_keras(shape, graph):
    x, upstream = data(shape), data(shape, seed=2)
    for ours, theirs in zip(*both(shape, x, upstream, graph=graph), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@on_tensorflow
@pytest.mark.parametrize(
    "options", [{"scale": False}, {"center": False}, {"momentum": 0.5, "epsilon": 0.1}]
)
def test_options_are_those_of_keras(options):
    shape = SHAPES[0]
    x, upstream = data(shape), data(shape, seed=2)
    for ours, theirs in zip(*both(shape, x, upstream, **options), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@on_tensorflow
def test_with_xla_it_is_that_of_keras():
    shape = SHAPES[0]
    x, upstream = data(shape), data(shape, seed=2)
    for ours, theirs in zip(*both(shape, x, upstream, jit_compile=True), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@on_tensorflow
def test_a_large_mean_costs_no_more_digits_than_with_keras():
    shape = (8, 16, 16, 4)
    x, upstream = data(shape, mean=1e4), data(shape, seed=2)
    exact = x.astype("float64")
    exact = (exact - exact.mean((0, 1, 2))) / np.sqrt(exact.var((0, 1, 2)) + 1e-3)
    plain, fast = both(shape, x, upstream, scale=False, center=False)

    def error(step):
        return np.abs(step[0] - exact).max()

    assert error(fast) < max(1.1 * error(plain), 1e-5)


@on_tensorflow
@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16"])
def test_bfloat16_is_as_exact_as_with_keras(dtype):
    shape = (8, 6, 6, 4)
    x, upstream = data(shape), data(shape, seed=2)
    truth = both(shape, x, upstream)[0]
    plain, fast = both(shape, x, upstream, dtype=dtype)
    for exact, theirs, ours in zip(truth, plain, fast, strict=True):
        size = np.abs(exact).max()
        # One rounding of a result to 8 bits is half of 2**-8 of it.
        assert np.abs(ours - exact).max() <= np.abs(theirs - exact).max() + size / 256


@on_tensorflow
def test_a_network_trains_as_before():
    histories = []
    for fast in (False, True):
        keras.utils.set_random_seed(0)
        model = conv_bn_relu()
        if fast:
            assert use_fused_batch_norm(model) == 2
        model.compile(
            keras.optimizers.SGD(0.1, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            jit_compile=False,
        )
        x, y = images(64), np.arange(64) % 2
        loss = model.fit(x, y, 16, 4, shuffle=False, verbose=0).history["loss"]
        histories.append([*loss, model.evaluate(x, y, verbose=0)])
    assert np.allclose(*histories, rtol=1e-4)
    assert histories[0][0] > 1.01 * histories[0][-2]


@on_tensorflow
@pytest.mark.parametrize(
    "how",
    [
        {"dtype": "float64"},
        {"dtype": "float16"},
        {"dtype": "mixed_float16"},
        {"trainable": False},
    ],
    ids=str,
)
def test_what_the_kernel_does_not_know_goes_the_way_of_keras(how):
    shape = SHAPES[0]
    outputs = []
    for fast in (False, True):
        model = norm_model(shape, **how)
        if fast:
            assert use_fused_batch_norm(model) == 1
        x = keras.ops.cast(data(shape), model.layers[-1].compute_dtype)
        outputs.append([numbers(model(x, training=True)), *map(numbers, model.weights)])
    for theirs, ours in zip(*outputs, strict=True):
        assert np.array_equal(theirs, ours)


@on_tensorflow
def test_masks_other_ranks_and_channels_in_front_go_the_way_of_keras():
    mask = np.array([[True, True, False], [True, False, False]])
    for axis, shape, options in (
        (-1, (2, 3, 4), {"mask": mask}),
        (-1, (6, 4), {}),
        (1, (2, 4, 3, 3), {}),
    ):
        outputs = []
        for fast in (False, True):
            model = norm_model(shape, axis=axis)
            if fast:
                assert use_fused_batch_norm(model) == 1
            layer = model.layers[-1]
            y = layer(data(shape), training=True, **options)
            outputs.append([numbers(y), *map(numbers, layer.weights)])
        for theirs, ours in zip(*outputs, strict=True):
            assert np.array_equal(theirs, ours)


@on_tensorflow
def test_files_hold_the_layers_of_keras(tmp_path):
    model = conv_bn_relu()
    config, expected = model.get_config(), numbers(model(images()))
    use_fused_batch_norm(model)
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    model.export(tmp_path / "exported", verbose=False)
    kinds = [type(layer) for _, layer in layer_tree.iter_layers(loaded)]
    assert kinds.count(keras.layers.BatchNormalization) == 2
    assert np.array_equal(numbers(loaded(images())), expected)


@on_tensorflow
def test_it_counts_and_does_nothing_twice():
    model = keras.applications.ResNet50(
        weights=None, classes=2, input_shape=[32] * 2 + [3]
    )
    assert [use_fused_batch_norm(model) for _ in range(2)] == [53, 53]
    layer = model.get_layer("conv1_bn")
    assert not hasattr(layer.call.original, "original")


@on_tensorflow
def test_variants_are_left_alone():
    class Own(keras.layers.BatchNormalization):
        pass

    for layer in (
        Own(),
        keras.layers.BatchNormalization(synchronized=True),
        keras.layers.BatchNormalization(renorm=True),
        keras.layers.LayerNormalization(),
    ):
        model = keras.Sequential([keras.Input((4, 4, 3)), layer])
        assert use_fused_batch_norm(model) == 0
        assert "call" not in vars(layer)


@pytest.mark.backends
@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="for the others")
def test_other_backends_are_left_alone():
    assert use_fused_batch_norm(conv_bn_relu()) == 0
