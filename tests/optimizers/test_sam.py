import keras
import numpy as np
import pytest

from kerasnorm.optimizers import AGC, SAM
from tests.optimizers import harness
from tests.reference import optimizers as reference


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9)


def train(model, optimizer, steps=3, **arguments):
    """Compile, attach, train on one batch a few times; return the logs."""
    x, y = harness.small_data(16)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    if isinstance(optimizer, SAM):
        optimizer.attach(model)
    return [
        model.train_on_batch(x, y, return_dict=True, **arguments) for _ in range(steps)
    ]


def noisy_model():
    """A net with batch norm and dropout, whose steps depend on more than weights."""
    keras.utils.set_random_seed(7)
    return keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=5),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )


def linear_gradients(x, y, sample_weight=None):
    """Gradients of the mean squared error of a Dense layer."""
    fraction = np.ones(len(x)) if sample_weight is None else sample_weight

    def gradient_at(weights):
        kernel, bias = weights
        error = 2 * fraction[:, None] * (x @ kernel + bias - y) / (len(x) * y.shape[1])
        return [x.T @ error, error.sum(axis=0)]

    return gradient_at


@pytest.mark.backends
@pytest.mark.parametrize(("adaptive", "rho"), [(False, 0.2), (True, 1.0)])
def test_a_hundred_steps_equal_the_reference(adaptive, rho):
    generator = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = SAM(keras.optimizers.SGD(0.05), rho, adaptive)
    model.compile(optimizer=optimizer, loss="mse")
    optimizer.attach(model)
    weights = [w.astype("float64") for w in model.get_weights()]
    for _ in range(100):
        x = generator.standard_normal((16, 4)).astype("float32")
        y = generator.standard_normal((16, 3)).astype("float32")
        model.train_on_batch(x, y)
        weights = reference.sam_step(
            weights, linear_gradients(x, y), rho, adaptive, 0.05
        )
    harness.assert_all_close(model.get_weights(), weights)


@pytest.mark.backends
def test_sample_weights_count_in_both_gradients():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((8, 4)).astype("float32")
    y = generator.standard_normal((8, 3)).astype("float32")
    sample_weight = np.arange(8).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = SAM(keras.optimizers.SGD(0.05), rho=0.5)
    model.compile(optimizer=optimizer, loss="mse")
    optimizer.attach(model)
    before = [w.astype("float64") for w in model.get_weights()]
    model.train_on_batch(x, y, sample_weight)
    gradient_at = linear_gradients(x, y, sample_weight)
    expected = reference.sam_step(before, gradient_at, 0.5, False, 0.05)
    harness.assert_all_close(model.get_weights(), expected)


@pytest.mark.thorough
@pytest.mark.backends
def test_a_radius_of_zero_is_the_inner_optimizer():
    plain, sharp = noisy_model(), noisy_model()
    plain_logs = train(plain, sgd())
    sharp_logs = train(sharp, SAM(sgd(), rho=0.0))
    assert harness.max_difference(plain, sharp) < 1e-7
    for ours, theirs in zip(sharp_logs, plain_logs, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)


@pytest.mark.thorough
@pytest.mark.backends
def test_statistics_metrics_and_random_states_are_those_of_the_first_run():
    plain, sharp = noisy_model(), noisy_model()
    plain_logs = train(plain, sgd(), steps=1)
    sharp_logs = train(sharp, SAM(sgd(), rho=2.0), steps=1)
    assert sharp_logs[0] == pytest.approx(plain_logs[0], rel=1e-6)
    states = [*plain.non_trainable_variables, *plain.metrics_variables]
    others = [*sharp.non_trainable_variables, *sharp.metrics_variables]
    harness.assert_all_close(
        [keras.ops.convert_to_numpy(v) for v in others],
        [keras.ops.convert_to_numpy(v) for v in states],
        tolerance=1e-6,
    )
    kernels = plain.trainable_variables[0], sharp.trainable_variables[0]
    assert not np.allclose(*map(keras.ops.convert_to_numpy, kernels), atol=1e-4)


@pytest.mark.thorough
@pytest.mark.backends
def test_a_step_counts_once():
    model = noisy_model()
    train(model, SAM(sgd()), steps=3)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 3


@pytest.mark.thorough
@pytest.mark.backends
def test_it_wraps_other_wrappers():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((8, 4)).astype("float32")
    y = 50 * generator.standard_normal((8, 3)).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    inner = AGC(keras.optimizers.SGD(1.0), 0.1, exclude=None)
    optimizer = SAM(inner, rho=0.5)
    model.compile(optimizer=optimizer, loss="mse")
    optimizer.attach(model)
    before = [w.astype("float64") for w in model.get_weights()]
    model.train_on_batch(x, y)
    gradients = [
        w - s
        for w, s in zip(
            before,
            reference.sam_step(before, linear_gradients(x, y), 0.5, False, 1.0),
            strict=True,
        )
    ]
    rule = reference.AGC(reference.SGD(1.0), ["dense", "vector"], 0.1)
    harness.assert_all_close(model.get_weights(), rule.step(before, gradients))


@pytest.mark.backends
def test_fit_takes_two_gradients_a_step():
    x, y = harness.small_data(16)
    fitted, stepped = harness.small_model(), harness.small_model()
    for model in (fitted, stepped):
        optimizer = SAM(sgd(), rho=0.5)
        model.compile(optimizer=optimizer, loss="mse")
        optimizer.attach(model)
    fitted.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    for start in (0, 8):
        stepped.train_on_batch(x[start : start + 8], y[start : start + 8])
    assert harness.max_difference(fitted, stepped) < 1e-6


@pytest.mark.thorough
@pytest.mark.backends
def test_another_optimizer_trains_as_ever_after_it():
    sharp, plain = harness.small_model(), harness.small_model()
    sharp.compile(optimizer=SAM(sgd()), loss="mse")
    sharp.optimizer.attach(sharp)
    train(sharp, sgd())
    train(plain, sgd())
    assert harness.max_difference(sharp, plain) == 0.0


@pytest.mark.thorough
@pytest.mark.backends
def test_attaching_twice_runs_no_more_than_two():
    once, twice = harness.small_model(), harness.small_model()
    train(once, SAM(sgd(), rho=0.5))
    optimizer = SAM(sgd(), rho=0.5)
    twice.compile(optimizer=optimizer, loss="mse")
    optimizer.attach(twice)
    train(twice, optimizer)
    assert harness.max_difference(once, twice) == 0.0


@pytest.mark.backends
def test_it_refuses_a_model_that_is_not_attached():
    model = harness.small_model()
    x, y = harness.small_data(8)
    model.compile(optimizer=SAM(sgd()), loss="mse")
    with pytest.raises(RuntimeError, match=r"Call `optimizer.attach\(model\)`"):
        model.train_on_batch(x, y)


def test_it_refuses_float16_loss_scaling():
    model = harness.small_model()
    optimizer = SAM(sgd())
    model.compile(optimizer=keras.optimizers.LossScaleOptimizer(optimizer), loss="mse")
    with pytest.raises(ValueError, match="float16 loss scaling"):
        optimizer.attach(model)


def test_it_refuses_a_model_of_another_optimizer():
    model = harness.small_model()
    model.compile(optimizer=sgd(), loss="mse")
    with pytest.raises(ValueError, match="Expected a model compiled with this"):
        SAM(sgd()).attach(model)


def test_it_refuses_to_be_wrapped():
    with pytest.raises(TypeError, match=r"Put AGC inside: SAM\(AGC"):
        AGC(SAM(sgd()))


def test_the_radius_is_checked():
    with pytest.raises(ValueError, match="`rho` to be at least 0"):
        SAM(sgd(), rho=-0.1)


def test_a_step_that_fails_half_way_leaves_the_weights():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX assigns nothing before a step has succeeded")
    runs = []

    class Fragile(keras.layers.Layer):
        def call(self, inputs):
            runs.append(1)
            if len(runs) == 2:
                raise ArithmeticError("second run")
            return inputs

    layer = Fragile()
    outputs = layer(keras.layers.Dense(3)(inputs := keras.Input((4,))))
    model = keras.Model(inputs, outputs)
    optimizer = SAM(sgd(), rho=5.0)
    model.compile(optimizer=optimizer, loss="mse", run_eagerly=True)
    optimizer.attach(model)
    optimizer.build(model.trainable_variables)
    runs.clear()
    before = model.get_weights()
    with pytest.raises(ArithmeticError):
        model.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    harness.assert_all_close(model.get_weights(), before, tolerance=0)


@pytest.mark.backends
def test_a_loop_of_ones_own_climbs_by_hand():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((8, 4)), generator.standard_normal((8, 3))
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    weights = [w.astype("float64") for w in layer.get_weights()]
    optimizer = SAM(keras.optimizers.SGD(0.1), rho=0.5)
    optimizer.build(layer.trainable_variables)
    gradient_at = linear_gradients(x, y)

    def gradients():
        now = [w.astype("float64") for w in layer.get_weights()]
        return [keras.ops.convert_to_tensor(g, "float32") for g in gradient_at(now)]

    optimizer.climb(gradients(), layer.trainable_variables)
    optimizer.apply(gradients(), layer.trainable_variables)
    expected = reference.sam_step(weights, gradient_at, 0.5, False, 0.1)
    harness.assert_all_close(layer.get_weights(), expected)
