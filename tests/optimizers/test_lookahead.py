import keras
import numpy as np
import pytest

from kerasnorm.optimizers import Lookahead
from tests.optimizers import harness
from tests.reference import optimizers as reference


def sgd():
    return keras.optimizers.SGD(0.05, momentum=0.9)


@pytest.mark.backends
@pytest.mark.parametrize(("period", "slow_step"), [(5, 0.5), (3, 0.8)])
def test_a_hundred_steps_equal_the_reference(period, slow_step):
    _, variables, _ = harness.make_variables(["dense", "depthwise2d", "batch norm"])
    weights = harness.random_weights(variables)
    steps = harness.random_gradients(variables)
    optimizer = Lookahead(sgd(), period, slow_step)
    actual = harness.run_steps(optimizer, variables, steps)
    rule = reference.Lookahead(reference.SGD(0.05, 0.9), period, slow_step)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, steps))


@pytest.mark.backends
def test_a_slow_step_of_one_is_the_inner_optimizer():
    results = []
    for wrap in (lambda inner: inner, lambda inner: Lookahead(inner, slow_step=1.0)):
        _, variables, _ = harness.make_variables(["dense", "conv2d"])
        harness.random_weights(variables)
        steps = harness.random_gradients(variables, steps=12)
        results.append(harness.run_steps(wrap(sgd()), variables, steps))
    harness.assert_all_close(*results, tolerance=1e-6)


@pytest.mark.backends
def test_slow_weights_start_where_training_starts():
    _, variables, _ = harness.make_variables(["dense"])
    optimizer = Lookahead(keras.optimizers.SGD(1.0), sync_period=1, slow_step=0.5)
    optimizer.build(variables)
    # Loaded after `build`, as `load_model` and `load_weights` do.
    weights = harness.random_weights(variables)
    ones = [np.ones(v.shape, "float32") for v in variables]
    after = harness.run_steps(optimizer, variables, [ones])
    harness.assert_all_close(after, [w - 0.5 for w in weights], tolerance=1e-6)


@pytest.mark.thorough
@pytest.mark.backends
def test_validation_sees_the_fast_weights():
    model = harness.small_model()
    x, y = harness.small_data(24)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            seen.append(self.model.get_weights()[0])

    model.compile(optimizer=Lookahead(sgd(), sync_period=2), loss="mse")
    plain = harness.small_model()
    plain.compile(optimizer=sgd(), loss="mse")
    for candidate in (model, plain):
        candidate.fit(
            x,
            y,
            batch_size=24,
            shuffle=False,
            validation_data=(x, y),
            callbacks=[Look()],
            verbose=0,
        )
    # One update an epoch: nothing has been synchronized yet.
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)


@pytest.mark.backends
@pytest.mark.parametrize("period", [1, 2, 3, 5])
def test_fit_ends_with_a_synchronization_and_loses_no_update(period):
    kernel = keras.Variable(np.zeros(2, "float32"), name="kernel")
    optimizer = Lookahead(keras.optimizers.SGD(1.0), period, slow_step=0.25)
    step = [np.full(2, -1.0, "float32")]
    expected = 0.0
    for _ in range(2):
        # Three updates of 1 each, from slow weights that the last fit has left.
        harness.run_steps(optimizer, [kernel], [step] * 3)
        for length in [period] * (3 // period) + [3 % period]:
            expected += 0.25 * length
        for _ in range(2):
            optimizer.finalize_variable_values([kernel])
        value = keras.ops.convert_to_numpy(kernel)
        np.testing.assert_allclose(value, expected, rtol=1e-6)


@pytest.mark.backends
def test_weights_that_were_set_before_fit_ends_stay():
    kernel = keras.Variable(np.zeros(2, "float32"), name="kernel")
    optimizer = Lookahead(keras.optimizers.SGD(1.0))
    harness.run_steps(optimizer, [kernel], [[np.ones(2, "float32")]])
    kernel.assign([5.0, 6.0])
    optimizer.finalize_variable_values([kernel])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(kernel), [5.0, 6.0])


@pytest.mark.thorough
@pytest.mark.backends
def test_a_moving_average_outranks_the_slow_weights():
    model = harness.small_model()
    x, y = harness.small_data(24)
    inner = keras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.5)
    model.compile(optimizer=Lookahead(inner, sync_period=2), loss="mse")
    start = model.get_weights()[0]
    model.fit(x, y, batch_size=24, verbose=0)
    average = keras.ops.convert_to_numpy(inner._model_variables_moving_average[0])
    np.testing.assert_array_equal(model.get_weights()[0], average)
    assert not np.array_equal(average, start)


@pytest.mark.backends
def test_nothing_is_finalized_before_the_first_update():
    _, variables, _ = harness.make_variables(["dense"])
    weights = harness.random_weights(variables)
    optimizer = Lookahead(sgd())
    optimizer.build(variables)
    optimizer.finalize_variable_values(variables)
    harness.assert_all_close(
        [keras.ops.convert_to_numpy(v) for v in variables], weights
    )


@pytest.mark.backends
def test_only_real_updates_count_under_gradient_accumulation():
    results = []
    for steps_per_update in (None, 3):
        _, variables, _ = harness.make_variables(["dense"])
        harness.random_weights(variables)
        steps = harness.random_gradients(variables, steps=4)
        if steps_per_update:
            steps = [step for step in steps for _ in range(steps_per_update)]
        inner = keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps_per_update)
        optimizer = Lookahead(inner, sync_period=2)
        results.append(harness.run_steps(optimizer, variables, steps))
    harness.assert_all_close(*results, tolerance=1e-6)


@pytest.mark.parametrize("sync_period", [0, 2.5])
def test_the_period_is_checked(sync_period):
    with pytest.raises(ValueError, match="`sync_period` to be a whole number"):
        Lookahead(sgd(), sync_period=sync_period)


@pytest.mark.parametrize("slow_step", [0.0, 1.1])
def test_the_slow_step_is_checked(slow_step):
    with pytest.raises(ValueError, match="`slow_step` to be above 0"):
        Lookahead(sgd(), slow_step=slow_step)


@pytest.mark.backends
def test_a_second_fit_goes_on_and_keeps_the_constraints():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, kernel_constraint="non_neg")]
    )
    model.compile(Lookahead(keras.optimizers.SGD(0.01)), "mse")
    x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    for _ in range(2):
        model.fit(x, x[:, :3], batch_size=4, epochs=1, verbose=0)
        assert np.min(keras.ops.convert_to_numpy(model.layers[-1].kernel)) >= 0


SETTERS = {
    "all": lambda kernel: np.full_like(kernel, 0.25),
    "one number": lambda kernel: np.where(np.arange(kernel.size) == 3, 9.0, kernel),
    "exchanged": lambda kernel: kernel[::-1],
}


@pytest.mark.backends
@pytest.mark.parametrize("constraint", [None, keras.constraints.MaxNorm(0.5)])
@pytest.mark.parametrize("kind", SETTERS)
def test_slow_weights_start_anew_from_weights_that_were_set(kind, constraint):
    kernel = keras.Variable(np.linspace(-1, 1, 6, dtype="float32"), name="kernel")
    kernel.constraint = constraint
    optimizer = Lookahead(keras.optimizers.SGD(1.0), sync_period=4)
    step = [np.full(6, 0.1, "float32")]
    harness.run_steps(optimizer, [kernel], [step] * 3)
    slow = optimizer._slow_weights[0]
    start = keras.ops.convert_to_numpy(slow)
    np.testing.assert_allclose(start, np.linspace(-1, 1, 6), rtol=1e-6)
    kernel.assign(given := SETTERS[kind](keras.ops.convert_to_numpy(kernel)))
    zero = [np.zeros(6, "float32")]
    harness.run_steps(optimizer, [kernel], [zero])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(slow), given, rtol=1e-6)
