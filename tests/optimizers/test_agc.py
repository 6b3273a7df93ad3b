import keras
import numpy as np
import pytest

from kerasnorm.optimizers import AGC
from tests.optimizers import harness
from tests.reference import optimizers as reference


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9)


@pytest.mark.backends
def test_a_hundred_steps_equal_the_reference():
    _, variables, kinds = harness.make_variables()
    weights = harness.random_weights(variables)
    steps = harness.random_gradients(variables)
    optimizer = AGC(sgd(), clip_factor=0.1, exclude=None)
    actual = harness.run_steps(optimizer, variables, steps)
    rule = reference.AGC(reference.SGD(0.05, 0.9), kinds, 0.1)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, steps))


@pytest.mark.backends
def test_a_huge_limit_is_the_inner_optimizer():
    results = []
    for wrap in (lambda inner: inner, lambda inner: AGC(inner, clip_factor=1e9)):
        _, variables, _ = harness.make_variables(["dense", "depthwise2d"])
        harness.random_weights(variables)
        steps = harness.random_gradients(variables, steps=10)
        results.append(harness.run_steps(wrap(sgd()), variables, steps))
    for plain, wrapped in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, wrapped)


@pytest.mark.backends
def test_the_limit_is_taken_from_the_weights_before_their_decay():
    _, variables, kinds = harness.make_variables(["dense"])
    weights = harness.random_weights(variables)
    gradients = harness.random_gradients(variables, steps=1)
    inner = keras.optimizers.SGD(1.0, weight_decay=0.5)
    optimizer = AGC(inner, clip_factor=0.01, exclude=None)
    actual = harness.run_steps(optimizer, variables, gradients)
    rule = reference.AGC(reference.SGD(1.0), kinds, 0.01)
    expected = [
        w - 0.5 * before
        for w, before in zip(
            harness.run_reference(rule, weights, gradients), weights, strict=True
        )
    ]
    harness.assert_all_close(actual, expected)


@pytest.mark.backends
def test_the_inner_optimizer_clips_what_is_left():
    _, variables, _ = harness.make_variables(["dense"])
    before = harness.random_weights(variables)
    inner = keras.optimizers.SGD(1.0, clipvalue=1e-4)
    optimizer = AGC(inner, clip_factor=0.1)
    after = harness.run_steps(
        optimizer, variables, harness.random_gradients(variables, steps=1)
    )
    steps = [np.abs(a - b).max() for a, b in zip(after, before, strict=True)]
    assert max(steps) <= 1.01e-4


def excluded_paths(model, **arguments):
    optimizer = AGC(sgd(), **arguments)
    optimizer.build(model.trainable_variables)
    excluded = [
        variable.path.split("/", 1)[-1]
        for variable, is_excluded in zip(
            model.trainable_variables, optimizer._excluded, strict=True
        )
        if is_excluded
    ]
    return excluded


@pytest.mark.parametrize(
    ("arguments", "excluded"),
    [
        ({}, ["head/kernel"]),
        ({"exclude": None}, []),
        ({"exclude": ()}, []),
        ({"exclude": "stem"}, ["stem/kernel", "stem/bias"]),
        ({"exclude": ["stem/bias", "head"]}, ["stem/bias", "head/kernel", "head/bias"]),
        (
            {"exclude": ["final_kernel", "s*m"]},
            ["stem/kernel", "stem/bias", "head/kernel"],
        ),
        (
            {"exclude": lambda variable: "mixer" in variable.path},
            ["mixer/kernel", "mixer/bias"],
        ),
    ],
)
def test_exclude_spares(arguments, excluded):
    assert excluded_paths(harness.small_model(norm=False), **arguments) == excluded


@pytest.mark.parametrize("part", ["kern", "tem", "stem/head", "head/kernel/more"])
def test_a_part_that_matches_nothing_is_pointed_out(part):
    model = harness.small_model(norm=False)
    with pytest.warns(UserWarning, match="part of no variable's path"):
        assert excluded_paths(model, exclude=[part]) == []


def test_a_slope_behind_the_classifier_is_not_taken_for_it():
    layers = [keras.layers.Conv2D(2, 3, name="head"), keras.layers.PReLU()]
    model = keras.Sequential([keras.Input((6, 6, 2)), *layers])
    assert excluded_paths(model) == ["head/kernel"]


def test_an_inner_optimizer_may_have_been_built_before():
    model = harness.small_model(norm=False)
    inner = sgd()
    inner.build(model.trainable_variables[::-1])
    optimizer = AGC(inner)
    optimizer.build(model.trainable_variables)
    index = optimizer._get_variable_index(model.trainable_variables[2])
    assert optimizer._unit_axes[index] == (0, 1)


@pytest.mark.backends
def test_compile_is_all_that_is_needed():
    model = harness.small_model(norm=False)
    kinds = ["conv2d", "vector", "depthwise2d", "vector", "dense", "vector"]
    optimizer = AGC(keras.optimizers.SGD(0.5), clip_factor=0.05)
    model.compile(optimizer=optimizer, loss="mse")
    plain = harness.small_model(norm=False)
    plain.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
    x, y = harness.small_data()
    before = [w.astype("float64") for w in model.get_weights()]
    model.train_on_batch(x, 100 * y)
    plain.train_on_batch(x, 100 * y)
    gradients = [b - w for b, w in zip(before, plain.get_weights(), strict=True)]
    rule = reference.AGC(reference.SGD(0.5), kinds, 0.05, excluded=[4])
    expected = rule.step(before, gradients)
    harness.assert_all_close(model.get_weights(), expected, tolerance=1e-4)


@pytest.mark.backends
def test_clips_are_counted_by_variable():
    _, variables, _ = harness.make_variables(["dense"])
    kernel = np.ones((5, 4), "float32")
    variables[0].assign(kernel)
    optimizer = AGC(keras.optimizers.SGD(0.0), exclude="bias", count_clips=True)
    # Two of four units are far above the limit, in one of two updates.
    large = np.array([[9.0, 9.0, 1e-6, 1e-6]] * 5, "float32")
    small = np.zeros((5, 4), "float32")
    bias = np.full(4, 9.0, "float32")
    harness.run_steps(optimizer, variables, [[large, bias], [small, bias]])
    assert optimizer.clip_shares() == {variables[0].path: 0.25}
    optimizer.reset_clip_shares()
    assert optimizer.clip_shares() == {variables[0].path: 0.0}


def test_counts_are_refused_where_nothing_was_counted():
    with pytest.raises(RuntimeError, match="count_clips=True"):
        AGC(sgd()).clip_shares()


@pytest.mark.parametrize("argument", ["clip_factor", "epsilon"])
@pytest.mark.parametrize("value", [0.0, -1.0])
def test_limits_must_be_positive(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` to be above 0"):
        AGC(sgd(), **{argument: value})


def test_a_sparse_gradient_is_clipped_like_a_dense_one():
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow has sparse gradients")
    results = []
    rows = tf.constant([[3.0, 4.0], [0.0, 5.0]])
    sparse = tf.IndexedSlices(rows, tf.constant([1, 1]), tf.constant([4, 2]))
    for gradient in (sparse, tf.convert_to_tensor(sparse)):
        table = keras.Variable(np.ones((4, 2), "float32"), name="embeddings")
        optimizer = AGC(keras.optimizers.SGD(1.0), clip_factor=0.5, exclude=None)
        optimizer.apply([gradient], [table])
        results.append(keras.ops.convert_to_numpy(table))
    np.testing.assert_allclose(*results, rtol=1e-6)
