import json

import keras
import numpy as np
import pytest

from kerasnorm import layers, surgery
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.surgery import swap_norm
from tests.surgery.helpers import (
    conv_bn_relu,
    images,
    infer,
    kinds,
    numbers,
    shake,
    weights_by_path,
)

pytestmark = pytest.mark.backends
# Synchronized batch norm exists on one backend, and plain ones are what is swapped.
TARGETS = [name for name in NORM_KINDS if name not in ("batch", "sync_batch")]


def build(*stack, shape=(8, 8, 3)):
    return shake(keras.Sequential([keras.Input(shape), *stack]))


@pytest.mark.parametrize("to", TARGETS)
def test_every_norm_can_take_the_place(to):
    model = conv_bn_relu()
    new, report = swap_norm(model, to)
    assert kinds(new) == ([] if to == "none" else [to, to])
    assert [swap.target for swap in report.swaps] == [to, to]
    assert infer(new, images()).shape == (4, 2)


def test_all_other_weights_are_carried_over_by_path():
    model = conv_bn_relu()
    new, report = swap_norm(model, "group")
    before, after = weights_by_path(model), weights_by_path(new)
    others = [path for path in before if not path.startswith("bn")]
    assert all(np.array_equal(before[path], after[path]) for path in others)
    assert report.carried == len(others) == 5


def test_gamma_and_beta_are_kept():
    model = conv_bn_relu()
    new, _ = swap_norm(model, "instance")
    before, after = weights_by_path(model), weights_by_path(new)
    for path in ("bn1/gamma", "bn1/beta", "bn2/beta"):
        assert np.array_equal(before[path], after[path])
    assert "bn2/gamma" not in after


def test_the_given_model_is_not_changed():
    model = conv_bn_relu()
    model.compile(keras.optimizers.Adam(0.01), "mse")
    before, x = weights_by_path(model), images()
    expected, optimizer = infer(model, x), model.optimizer
    swap_norm(model, "none", batch=x)
    after = weights_by_path(model)
    assert all(np.array_equal(before[path], after[path]) for path in before)
    assert np.array_equal(infer(model, x), expected)
    assert model.compiled and model.optimizer is optimizer


def test_group_norm_computes_what_the_formula_says():
    model = build(keras.layers.BatchNormalization(), shape=(4, 4, 6))
    new, _ = swap_norm(model, "group", groups=3)
    x = images(2, 4, 6)
    parts = x.reshape(2, 4, 4, 3, 2)
    mean = parts.mean(axis=(1, 2, 4), keepdims=True)
    variance = parts.var(axis=(1, 2, 4), keepdims=True)
    expected = ((parts - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
    bn = model.layers[0]
    expected = expected * numbers(bn.gamma) + numbers(bn.beta)
    assert np.allclose(infer(new, x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("to", "axes", "epsilon"),
    [("layer", (1, 2, 3), 1e-5), ("layer_channels", (3,), 1e-3)],
)
def test_layer_norms_take_the_whole_image_or_one_pixel(to, axes, epsilon):
    model = build(keras.layers.BatchNormalization(), shape=(4, 4, 6))
    new, _ = swap_norm(model, to)
    x = 2 + images(2, 4, 6)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    bn = model.layers[0]
    expected = (x - mean) / np.sqrt(variance + epsilon)
    expected = expected * numbers(bn.gamma) + numbers(bn.beta)
    assert np.allclose(infer(new, x), expected, atol=1e-5)


def test_frn_takes_the_relu_over():
    model = conv_bn_relu()
    new, report = swap_norm(model, "frn")
    assert [swap.absorbed for swap in report.swaps] == ["relu1", None]
    assert [new.get_layer(name).tlu for name in ("bn1", "bn2")] == [True, False]
    assert not any(isinstance(x, keras.layers.ReLU) for x in new.layers)
    x = numbers(new.get_layer("conv1")(images()))
    bn = model.get_layer("bn1")
    expected = x / np.sqrt(np.mean(x**2, axis=(1, 2), keepdims=True) + 1e-6)
    expected = np.maximum(expected * numbers(bn.gamma) + numbers(bn.beta), 0)
    received = keras.Model(new.input, new.get_layer("bn1").output)(images())
    assert np.allclose(numbers(received), expected, atol=1e-5)


@pytest.mark.parametrize(
    "relu",
    [
        keras.layers.ReLU(max_value=6),
        keras.layers.ReLU(negative_slope=0.1),
        keras.layers.LeakyReLU(),
        keras.layers.Activation("gelu"),
        keras.layers.Identity(),
    ],
)
def test_other_activations_are_left_alone(relu):
    new, report = swap_norm(conv_bn_relu(relu=relu), "frn")
    assert all(swap.absorbed is None for swap in report.swaps)
    assert type(relu) in {type(layer) for layer in new.layers}


@pytest.mark.parametrize(
    "relu",
    [keras.layers.ReLU(), keras.layers.Activation("relu"), keras.ops.relu],
    ids=["layer", "activation", "operation"],
)
def test_every_spelling_of_relu_is_absorbed(relu):
    _, report = swap_norm(conv_bn_relu(relu=relu), "frn")
    assert report.swaps[0].absorbed


def test_a_relu_is_kept_where_someone_else_reads_the_norm():
    inputs = keras.Input((8, 8, 3))
    norm = keras.layers.BatchNormalization()(inputs)
    model = keras.Model(inputs, [keras.layers.ReLU()(norm), norm])
    new, report = swap_norm(model, "frn")
    assert report.swaps[0].absorbed is None
    assert numbers(new(images())[1]).min() < 0


def test_a_shared_relu_is_absorbed_only_behind_the_norm():
    relu = keras.layers.ReLU(name="relu")
    inputs = keras.Input((8, 8, 3))
    x = relu(inputs)
    x = relu(keras.layers.BatchNormalization(name="bn")(x))
    new, report = swap_norm(keras.Model(inputs, x), "frn")
    assert report.swaps[0].absorbed == "relu"
    assert [layer.name for layer in new.layers][1:] == ["relu", "bn"]


def test_a_sequential_model_stays_one_and_drops_its_relu():
    model = build(
        keras.layers.Conv2D(4, 3),
        keras.layers.BatchNormalization(),
        keras.layers.ReLU(),
        keras.layers.Flatten(),
    )
    new, _ = swap_norm(model, "frn")
    assert type(new) is keras.Sequential
    assert [type(layer).__name__ for layer in new.layers] == [
        "Conv2D",
        "FilterResponseNorm",
        "Flatten",
    ]


def test_nested_models_are_entered():
    inner = conv_bn_relu()
    stack = build(keras.layers.BatchNormalization(name="outer"), inner)
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, stack(inputs))
    new, report = swap_norm(model, "frn")
    assert [swap.path.split("/")[-1] for swap in report.swaps] == [
        "outer",
        "bn1",
        "bn2",
    ]
    assert report.swaps[1].absorbed == "relu1"
    assert kinds(new) == ["frn"] * 3


def test_shared_models_and_norms_stay_shared():
    norm = keras.layers.BatchNormalization(name="bn")
    inner = build(keras.layers.Dense(4), norm, shape=(4,))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, inner(norm(inner(inputs))))
    new, report = swap_norm(model, "layer")
    assert len(report.swaps) == 1
    assert len(new.weights) == 4
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    nested = next(x for x in new.layers if isinstance(x, keras.Sequential))
    expected = nested(nested.layers[-1](nested(x)))
    assert np.allclose(infer(new, x), numbers(expected), atol=1e-6)


def test_graphs_with_operations_masks_and_lambdas_survive():
    inputs = keras.Input((5, 4))
    x = keras.layers.Masking()(inputs)
    x = keras.layers.BatchNormalization()(x, training=True)
    x = keras.layers.Lambda(lambda x: x * 2)(x) + 1.0
    x = keras.ops.concatenate([x, x[:, :, :1]], axis=-1)
    model = shake(keras.Model(inputs, x))
    new, _ = swap_norm(model, "group")
    assert infer(new, np.ones((2, 5, 4), "float32")).shape == (2, 5, 5)


def test_lambdas_keep_what_they_were_told():
    def doubled(x):
        # Without numbers it cannot tell its shape.
        return x * 2 if x.shape[0] else 1 / 0

    told = keras.layers.Lambda(
        doubled, (4,), mask=lambda x, mask: mask, dtype="mixed_bfloat16", name="told"
    )
    model = build(keras.layers.BatchNormalization(), told, shape=(4,))
    new, _ = swap_norm(model, "layer_channels")
    copy = new.get_layer("told")
    assert copy.supports_masking
    assert copy.dtype_policy.name == "mixed_bfloat16"
    assert new.output_shape == (None, 4)


def test_adapted_layers_keep_what_they_derived():
    x = 100 + images()
    adapted = keras.layers.Normalization()
    adapted.adapt(x)
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), adapted, keras.layers.BatchNormalization()]
    )
    new, _ = swap_norm(model, "none", batch=x)
    assert np.allclose(infer(new.layers[0], x), infer(adapted, x), atol=1e-5)


def test_frozen_layers_stay_frozen():
    model = conv_bn_relu()
    model.get_layer("bn1").trainable = False
    model.get_layer("conv1").trainable = False
    new, _ = swap_norm(model, "group")
    frozen = [layer.name for layer in new.layers if not layer.trainable]
    assert frozen == ["conv1", "bn1"]


def with_sparse_input(make):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("sparse tensors of TensorFlow")
    import tensorflow as tf

    stack = [keras.layers.Dense(6), keras.layers.BatchNormalization()]
    inputs = keras.Input((5,), sparse=True)
    if make == "sequential":
        model = keras.Sequential([inputs, *stack])
    else:
        model = keras.Model(inputs, stack[1](stack[0](inputs)))
    return shake(model), tf.sparse.from_dense(np.eye(3, 5, dtype="float32"))


@pytest.mark.parametrize("make", ["sequential", "functional"])
def test_sparse_inputs_stay_sparse(make):
    model, x = with_sparse_input(make)
    new, _ = swap_norm(model, "layer")
    assert new.inputs[0].sparse
    dense = numbers(model.layers[-2](np.eye(3, 5, dtype="float32")))
    bn = model.layers[-1]
    expected = (dense - dense.mean(1, keepdims=True)) / np.sqrt(
        dense.var(1, keepdims=True) + 1e-5
    ) * numbers(bn.gamma) + numbers(bn.beta)
    assert np.allclose(infer(new, x), expected, atol=1e-5)


def test_there_is_no_noise_like_sparse_inputs():
    model, x = with_sparse_input("functional")
    norm = model.layers[-1]
    norm.moving_mean.assign(np.zeros(6))
    norm.moving_variance.assign(np.ones(6))
    with pytest.raises(ValueError, match="no noise like sparse"):
        swap_norm(model, "none")
    assert np.isfinite(infer(swap_norm(model, "none", batch=x)[0], x)).all()


def test_precision_is_kept():
    bn = keras.layers.BatchNormalization(dtype="mixed_bfloat16", name="bn")
    new, _ = swap_norm(build(bn), "group")
    assert new.get_layer("bn").dtype_policy.name == "mixed_bfloat16"


def test_channels_first_is_kept():
    model = build(keras.layers.BatchNormalization(axis=1, name="bn"), shape=(6, 4, 4))
    new, report = swap_norm(model, "group", groups=2)
    assert new.get_layer("bn").axis == 1
    assert report.swaps[0].channels == 6


def test_batch_norms_hand_their_statistics_to_each_other():
    model = build(keras.layers.BatchNormalization(momentum=0.7, epsilon=0.1))
    new, report = swap_norm(model, "ghost_batch")
    assert report.swaps[0].lost == ()
    assert new.layers[0].momentum == 0.7
    assert np.allclose(infer(new, images()), infer(model, images()), atol=1e-6)


def test_a_compiled_model_gets_a_fresh_optimizer():
    model = conv_bn_relu()
    model.compile(
        keras.optimizers.Adam(0.123), "mse", metrics=["mae"], run_eagerly=True
    )
    model.train_on_batch(images(), np.zeros((4, 2)))
    new, report = swap_norm(model, "group")
    assert abs(float(numbers(new.optimizer.learning_rate)) - 0.123) < 1e-6
    assert int(numbers(new.optimizer.iterations)) == 0
    assert any("new optimizer" in note for note in report.notes)
    assert np.isfinite(new.train_on_batch(images(), np.zeros((4, 2)))[0])


def test_a_model_that_was_not_compiled_is_not_compiled():
    new, report = swap_norm(conv_bn_relu(), "group")
    assert not new.compiled
    assert not any("ompiled" in note for note in report.notes)


@pytest.mark.parametrize(
    ("to", "is_said"), [("group", True), ("none", True), ("ghost_batch", False)]
)
def test_a_model_of_other_statistics_has_to_be_trained(to, is_said):
    _, report = swap_norm(conv_bn_relu(), to)
    assert ("Train the new model before you use it" in str(report)) == is_said


def test_only_selected_norms_are_replaced():
    by_pattern, _ = swap_norm(conv_bn_relu(), "group", select="*1")
    by_function, _ = swap_norm(
        conv_bn_relu(), "group", select=lambda site: site.path == "bn1"
    )
    assert kinds(by_pattern) == kinds(by_function) == ["group", "batch"]


def test_where_batch_norms_are_other_norms_stay():
    stack = keras.layers.BatchNormalization(), keras.layers.LayerNormalization()
    model = build(*stack, shape=(8, 8, 6))
    assert kinds(swap_norm(model, "group")[0]) == ["group", "layer_channels"]


def test_without_batch_norms_all_norms_are_replaced():
    model = build(layers.GroupNorm(3), keras.layers.LayerNormalization())
    assert kinds(swap_norm(model, "batch")[0]) == ["batch", "batch"]


def test_the_instance_norm_of_one_pixel_becomes_a_layer_norm():
    model = build(keras.layers.Dense(6), keras.layers.BatchNormalization(), shape=(4,))
    new, report = swap_norm(model, "instance")
    assert report.swaps[0].target == "layer"
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    assert np.std(infer(new, x), axis=0).min() > 0.01


def test_frn_of_one_pixel_learns_its_epsilon():
    model = build(keras.layers.BatchNormalization(name="bn"), shape=(1, 1, 5))
    new, report = swap_norm(model, "frn")
    norm, bn = new.get_layer("bn"), model.get_layer("bn")
    assert norm.learn_epsilon
    assert report.swaps[0].chosen["learn_epsilon"]
    assert "1 norms see a single pixel" in str(report)
    mean_square = numbers(bn.moving_variance) + numbers(bn.moving_mean) ** 2
    assert np.allclose(numbers(norm.epsilon_l), mean_square)


def test_deep_networks_on_single_pixels_train_with_frn():
    x = inputs = keras.Input((32,))
    for _ in range(4):
        branch = x
        for _ in range(3):
            branch = keras.layers.Dense(32, kernel_initializer="he_normal")(branch)
            branch = keras.layers.BatchNormalization()(branch)
        x = keras.layers.Add()([x, branch])
    new, _ = swap_norm(keras.Model(inputs, x), "frn")
    new.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
    numbers_in = np.random.default_rng(0).normal(size=(8, 32)).astype("float32")
    before = new.get_weights()
    new.train_on_batch(numbers_in, np.zeros((8, 32)))
    moved = max(
        np.abs(a - b).max() for a, b in zip(before, new.get_weights(), strict=True)
    )
    assert moved < 10


def test_the_new_model_can_be_saved_and_loaded(tmp_path):
    new, report = swap_norm(conv_bn_relu(), "frn")
    assert report.restorable
    new.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.allclose(infer(loaded, images()), infer(new, images()), atol=1e-6)


def test_the_report_says_what_was_kept_chosen_and_lost():
    _, report = swap_norm(conv_bn_relu(filters=30), "group")
    first = report.to_json()["swaps"][0]
    assert json.loads(json.dumps(first)) == {
        "path": "bn1",
        "source": "batch",
        "target": "group",
        "channels": 30,
        "kept": ["gamma", "beta"],
        "chosen": {"groups": 15},
        "lost": ["moving_mean", "moving_variance"],
        "absorbed": None,
    }
    line = "bn1: batch -> group, 30 channels; kept gamma, beta; chose groups=15"
    assert line in str(report)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (conv_bn_relu, {"to": "grupp"}, "one of batch, .*'grupp'"),
        (conv_bn_relu, {"to": "batch"}, "other than 'batch'"),
        (conv_bn_relu, {"to": "group", "select": "nothing*"}, "selects none"),
        (lambda: build(keras.layers.Dense(2)), {"to": "group"}, "0 norms"),
        (lambda: build(layers.AsymmetricConv2D(2)), {"to": "frn"}, "fuse_asymmetric"),
        (
            lambda: keras.Sequential([keras.layers.BatchNormalization()]),
            {"to": "group"},
            "built",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(model, options, message):
    with pytest.raises(ValueError, match=message):
        swap_norm(model(), **options)


def test_norms_are_found_with_their_places():
    model = conv_bn_relu()
    model.get_layer("bn2").trainable = False
    sites = surgery.find_norms(model)
    assert [(s.path, s.axis, s.channels, s.is_frozen) for s in sites] == [
        ("bn1", -1, 6, False),
        ("bn2", -1, 6, True),
    ]
    assert sites[0].input_shape == (None, 6, 6, 6)
