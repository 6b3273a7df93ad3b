import json

import keras
import numpy as np
import pytest

from kerasnorm.optimizers import (
    AGC,
    SAM,
    AdaPNM,
    GradientCentralization,
    Lookahead,
    Ranger21,
    WarmupCosine,
)
from tests.marks import thorough_after
from tests.optimizers import harness
from tests.reference import optimizers as reference


def sgd(**arguments):
    return keras.optimizers.SGD(0.05, momentum=0.9, **arguments)


@keras.saving.register_keras_serializable("tests")
def is_bias(variable):
    return variable.name == "bias"


def nested():
    return AGC(GradientCentralization(Lookahead(sgd(), sync_period=3)), 0.1)


OPTIMIZERS = {
    "agc": lambda: AGC(sgd(), 0.02, 1e-2, exclude=["stem", "head"], count_clips=True),
    "agc with a predicate": lambda: AGC(sgd(), exclude=is_bias),
    "centralization": lambda: GradientCentralization(sgd(), convolutions_only=True),
    "lookahead": lambda: Lookahead(sgd(), 3, 0.7),
    "sam": lambda: SAM(sgd(), 0.1, adaptive=True),
    "ada pnm": lambda: AdaPNM(1e-3, norm_loss=True, amsgrad=False),
    "ranger21": lambda: Ranger21(1e-3, total_steps=50, use_ema=True, exclude=is_bias),
    "nested": nested,
    "scheduled": lambda: AGC(keras.optimizers.SGD(WarmupCosine(0.1, 20, 2))),
}


@pytest.mark.backends
# The one variable of this test is not among those that AGC is to spare.
@pytest.mark.filterwarnings("ignore:`exclude` names")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_config_survives_json_and_building(name):
    optimizer = OPTIMIZERS[name]()
    config = keras.saving.serialize_keras_object(optimizer)
    _, variables, _ = harness.make_variables(["dense"])
    optimizer.build(variables)
    assert keras.saving.serialize_keras_object(optimizer) == config
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert type(again) is type(optimizer)
    assert keras.saving.serialize_keras_object(again) == config


@pytest.mark.backends
@pytest.mark.parametrize(
    "name", thorough_after(1, ["agc", "nested", "ranger21", "sam"])
)
def test_a_loaded_model_continues_exactly(name, tmp_path):
    x, y = harness.small_data(8)
    model = harness.small_model()
    model.compile(optimizer=OPTIMIZERS[name](), loss="mse")
    if name == "sam":
        model.optimizer.attach(model)
    # Four updates end in the middle of a period of three.
    for _ in range(4):
        model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    if name == "sam":
        loaded.optimizer.attach(loaded)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for _ in range(3):
        model.train_on_batch(x, y)
        loaded.train_on_batch(x, y)
    assert harness.max_difference(model, loaded) == 0.0


@pytest.mark.thorough
@pytest.mark.backends
def test_a_model_saved_before_training_starts_from_its_weights(tmp_path):
    x, y = harness.small_data(8)
    model = harness.small_model()
    model.compile(optimizer=nested(), loss="mse")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for _ in range(4):
        model.train_on_batch(x, y)
        loaded.train_on_batch(x, y)
    assert harness.max_difference(model, loaded) == 0.0


@pytest.mark.backends
def test_wrappers_nest_in_the_order_they_are_written():
    _, variables, kinds = harness.make_variables(["dense", "depthwise2d"])
    weights = harness.random_weights(variables)
    steps = harness.random_gradients(variables, steps=30)
    optimizer = GradientCentralization(AGC(Lookahead(sgd()), 0.1, exclude=None))
    actual = harness.run_steps(optimizer, variables, steps)
    rule = reference.Lookahead(reference.SGD(0.05, 0.9))
    rule = reference.AGC(rule, kinds, 0.1)
    rule = reference.GradientCentralization(rule, kinds)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, steps))


@pytest.mark.backends
def test_settings_are_those_of_the_inner_optimizer():
    optimizer = nested()
    innermost = optimizer.inner_optimizer.inner_optimizer.inner_optimizer
    optimizer.learning_rate = 0.25
    assert float(keras.ops.convert_to_numpy(innermost.learning_rate)) == 0.25
    assert optimizer.iterations is innermost.iterations
    assert optimizer.use_ema is innermost.use_ema
    assert optimizer.learning_rate is innermost.learning_rate


@pytest.mark.backends
def test_the_transform_sees_the_mean_of_accumulated_gradients():
    _, variables, kinds = harness.make_variables(["dense"])
    weights = harness.random_weights(variables)
    steps = harness.random_gradients(variables, steps=12)
    inner = sgd(gradient_accumulation_steps=3)
    optimizer = AGC(inner, 0.1, exclude=None, count_clips=True)
    actual = harness.run_steps(optimizer, variables, steps)
    means = [
        [np.mean(grads, axis=0) for grads in zip(*steps[i : i + 3], strict=True)]
        for i in range(0, 12, 3)
    ]
    rule = reference.AGC(reference.SGD(0.05, 0.9), kinds, 0.1)
    harness.assert_all_close(actual, harness.run_reference(rule, weights, means))
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 4
    assert float(keras.ops.convert_to_numpy(optimizer._counted_updates)) == 4


@pytest.mark.backends
def test_the_moving_average_follows_the_weights_after_the_wrapper():
    _, variables, _ = harness.make_variables(["dense"])
    harness.random_weights(variables)
    inner = sgd(use_ema=True, ema_momentum=0.5)
    optimizer = Lookahead(inner, sync_period=1, slow_step=0.5)
    seen = []
    for step in harness.random_gradients(variables, steps=3):
        seen.append(harness.run_steps(optimizer, variables, [step])[0])
    expected = 0.5 * (0.5 * seen[0] + 0.5 * seen[1]) + 0.5 * seen[2]
    optimizer.finalize_variable_values(variables)
    actual = keras.ops.convert_to_numpy(variables[0])
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


@pytest.mark.thorough
@pytest.mark.backends
def test_the_transform_sees_gradients_without_loss_scale():
    results = []
    for scale in (1.0, 1024.0):
        _, variables, _ = harness.make_variables(["dense", "conv2d"])
        harness.random_weights(variables)
        steps = harness.random_gradients(variables, steps=3)
        optimizer = nested()
        if scale > 1:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, scale)
        steps = [[g * np.float32(scale) for g in step] for step in steps]
        results.append(harness.run_steps(optimizer, variables, steps))
    harness.assert_all_close(*results, tolerance=1e-6)


@pytest.mark.thorough
def test_mixed_float16_puts_loss_scaling_outside():
    with_policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2, dtype=with_policy)(inputs)
    model = keras.Model(inputs, outputs)
    model.dtype_policy = with_policy
    model.compile(optimizer=Ranger21(0.1), loss="mse")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    before = model.get_weights()[0]
    model.fit(np.ones((8, 4)), np.ones((8, 2)), epochs=6, verbose=0)
    assert np.all(np.isfinite(model.get_weights()[0]))
    assert not np.array_equal(model.get_weights()[0], before)


@pytest.mark.thorough
@pytest.mark.parametrize("name", thorough_after(1, ["nested", "ranger21"]))
def test_jit_compilation_changes_nothing(name):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the other backends compile, or not, in the other tests")
    results = []
    x, y = harness.small_data(8)
    for jit_compile in (False, True):
        model = harness.small_model(norm=False)
        model.compile(optimizer=OPTIMIZERS[name](), loss="mse", jit_compile=jit_compile)
        for _ in range(4):
            model.train_on_batch(x, y)
        results.append(model.get_weights())
    harness.assert_all_close(*results, tolerance=1e-4)


@pytest.mark.backends
def test_constraints_hold_after_a_step():
    variable = keras.Variable(np.full((3, 2), 0.1, "float32"), name="kernel")
    variable.constraint = keras.constraints.NonNeg()
    harness.run_steps(
        nested(), [variable], [[np.full((3, 2), v, "float32")] for v in (1.0, 2.0)]
    )
    assert np.min(keras.ops.convert_to_numpy(variable)) >= 0.0


@pytest.mark.thorough
@pytest.mark.backends
def test_variables_without_gradient_are_left_alone():
    _, variables, _ = harness.make_variables(["dense"])
    weights = harness.random_weights(variables)
    optimizer = Ranger21(0.1, sync_period=2)
    ones = keras.ops.ones(variables[0].shape)
    for _ in range(3):
        with pytest.warns(UserWarning, match="Gradients do not exist"):
            optimizer.apply([ones, None], variables)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variables[1]), weights[1])


@pytest.mark.thorough
@pytest.mark.backends
def test_callbacks_reach_the_learning_rate():
    x, y = harness.small_data(8)
    model = harness.small_model()
    model.compile(optimizer=nested(), loss="mse")
    reduce = keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=1e9
    )
    history = model.fit(x, y, epochs=3, callbacks=[reduce], verbose=0)
    assert history.history["learning_rate"] == pytest.approx([0.05, 0.05, 0.025])


def test_loss_scaling_inside_is_refused():
    with pytest.raises(TypeError, match=r"Put AGC inside: LossScaleOptimizer\(AGC"):
        AGC(keras.optimizers.LossScaleOptimizer(sgd()))


NO_OPTIMIZER = (None, (keras.optimizers.SGD(),), {"lr": 1}, keras.optimizers.SGD)


@pytest.mark.parametrize("given", NO_OPTIMIZER, ids=["none", "tuple", "dict", "class"])
@pytest.mark.parametrize("wrapper", [AGC, Lookahead, GradientCentralization, SAM])
def test_what_is_no_optimizer_is_refused_with_a_sentence(wrapper, given):
    with pytest.raises(TypeError, match=r"a Keras optimizer, its name.*received"):
        wrapper(given)


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="clipnorm"):
        AGC(sgd(), clipnorm=1.0)


def test_names_of_optimizers_are_understood():
    assert isinstance(AGC("sgd").inner_optimizer, keras.optimizers.SGD)


def test_a_file_of_other_layers_is_refused():
    optimizer = Lookahead(sgd())
    _, variables, _ = harness.make_variables(["dense"])
    optimizer.build(variables)
    with pytest.raises(ValueError, match="Expected 4 saved variables"):
        optimizer.load_own_variables({"0": np.zeros(())})


@pytest.mark.thorough
@pytest.mark.backends
def test_weights_are_set_in_the_order_in_which_they_are_given():
    first, second = (AGC(keras.optimizers.SGD(0.1, momentum=0.9)) for _ in range(2))
    for start, optimizer in enumerate((first, second)):
        variable = keras.Variable(np.full(3, 1.0 + start, "float32"), name="v")
        optimizer.build([variable])
        optimizer.apply([keras.ops.ones(3)], [variable])
    first.apply([keras.ops.ones(3)], list(first._trainable_variables))
    second.set_weights([keras.ops.convert_to_numpy(v) for v in first.variables])
    for one, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
        )
