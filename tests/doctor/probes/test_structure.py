import keras
import pytest

from kerasnorm.doctor.probes.optimizer import inspect_optimizer
from kerasnorm.doctor.probes.structure import inspect_structure, random_layers
from tests.doctor.networks import data

L = keras.layers


def base():
    return keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(4, name="first"),
            L.BatchNormalization(name="norm"),
            L.Dense(4, name="second"),
        ],
        name="base",
    )


def on_top(inner, **call):
    inputs = keras.Input((2,))
    outputs = L.Dense(1, activation="sigmoid", name="head")(inner(inputs, **call))
    return keras.Model(inputs, outputs)


def freeze(inner, *names):
    for name in names:
        inner.get_layer(name).trainable = False


def test_a_norm_between_frozen_layers_is_found():
    inner = base()
    freeze(inner, "first", "second")
    found = inspect_structure(on_top(inner)).unfrozen_in_frozen_base
    assert found == ("base/norm",)


def test_a_norm_in_a_half_frozen_base_is_none_of_it():
    inner = base()
    freeze(inner, "first")
    assert inspect_structure(on_top(inner)).unfrozen_in_frozen_base == ()


def test_a_frozen_base_has_no_norm_in_training_mode():
    inner = base()
    inner.trainable = False
    found = inspect_structure(on_top(inner, training=False))
    assert (found.norms, found.frozen_norms) == ((), ("base/norm",))
    assert found.baked_flags == {}


@pytest.mark.parametrize("flag", [True, False])
def test_a_flag_in_the_graph_is_found(flag):
    assert inspect_structure(on_top(base(), training=flag)).baked_flags == {
        "base": flag
    }


def test_a_norm_called_twice_is_shared():
    norm, inputs = L.BatchNormalization(name="shared"), keras.Input((2,))
    model = keras.Model(inputs, L.Add()([norm(inputs), norm(L.ReLU()(inputs))]))
    assert inspect_structure(model).shared_norms == ("shared",)


def test_dropout_and_augmentation_are_told_apart():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), L.RandomFlip(), L.SpatialDropout2D(0.1)]
    )
    assert {k: len(v) for k, v in random_layers(model).items()} == {
        "augmentation": 1,
        "dropout": 1,
    }


def fitted(optimizer="sgd"):
    inner = base()
    model = on_top(inner)
    model.compile(optimizer, "binary_crossentropy", jit_compile=False)
    model.fit(*data(32), verbose=0)
    return model, inner


def test_layers_frozen_after_fitting_are_found():
    model, inner = fitted()
    freeze(inner, "first")
    names = inspect_optimizer(model).frozen_but_trained
    assert names == ("base/first/kernel", "base/first/bias")


def test_layers_frozen_before_compiling_are_fine():
    model, inner = fitted()
    freeze(inner, "first")
    model.compile("sgd", "binary_crossentropy")
    assert inspect_optimizer(model).frozen_but_trained == ()


@pytest.mark.thorough
def test_averages_and_accumulation_are_read():
    optimizer = keras.optimizers.Adam(
        use_ema=True, ema_overwrite_frequency=1, gradient_accumulation_steps=2
    )
    found = inspect_optimizer(fitted(optimizer)[0])
    assert (found.uses_ema, found.accumulation_steps) == (True, 2)


@pytest.mark.parametrize(
    ("accumulation", "iterations", "steps"), [(None, 3, 3), (2, 3, 6), (2, 0, 0)]
)
def test_steps_are_batches_where_gradients_are_gathered(
    accumulation, iterations, steps
):
    model = base()
    sgd = keras.optimizers.SGD(0.5, gradient_accumulation_steps=accumulation)
    model.compile(sgd, "mse")
    sgd.build(model.trainable_variables)
    # Keras counts batches in one variable and gives out updates.
    sgd._iterations.assign(iterations * (accumulation or 1))
    found = inspect_optimizer(model)
    assert (found.steps, found.learning_rate) == (steps, 0.5)
    assert found.weights_are_average == 0.0


def test_a_model_that_was_not_compiled_has_no_optimizer():
    assert inspect_optimizer(base()).name is None
