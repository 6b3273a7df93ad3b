import keras
import numpy as np
import pytest

from kerasnorm.doctor import preflight
from tests.doctor.networks import batches, data


def network(activation="softmax", outputs=2, norm=False):
    layers = [keras.layers.Dense(16, activation="relu")]
    if norm:
        layers.append(keras.layers.BatchNormalization())
    return keras.Sequential(
        [keras.Input((2,)), *layers, keras.layers.Dense(outputs, activation=activation)]
    )


def fly(model, loss, train=None, validation=None, **options):
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    train, validation = train or data(128), validation or data(128, seed=1)
    return preflight(model, batches(*train), batches(*validation), **options)


def codes(examination):
    return [f.code for f in examination.findings if f.severity != "info"]


def test_a_sound_model_passes():
    assert codes(fly(network(), "sparse_categorical_crossentropy")) == []


@pytest.mark.thorough
def test_a_sound_model_with_batch_norm_passes():
    found = fly(
        network(norm=True), "sparse_categorical_crossentropy", steps_per_epoch=900
    )
    assert codes(found) == []


@pytest.mark.parametrize(
    ("activation", "outputs", "loss"),
    [
        ("softmax", 1, "binary_crossentropy"),
        ("softmax", 2, "categorical_crossentropy"),
        ("sigmoid", 1, "categorical_crossentropy"),
        ("linear", 2, "sparse_categorical_crossentropy"),
        ("sigmoid", 1, "sparse_categorical_crossentropy"),
    ],
)
def test_head_labels_and_loss_that_do_not_agree_are_named(activation, outputs, loss):
    found = fly(network(activation, outputs), loss)
    assert "label_mismatch" in codes(found)


def test_logits_taken_twice_are_named():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert "label_mismatch" in codes(fly(network(), loss))


@pytest.mark.thorough
def test_validation_on_another_scale_is_named():
    x, y = data(128, seed=1)
    found = fly(network(), "sparse_categorical_crossentropy", None, (x * 255, y))
    assert "input_mismatch" in codes(found)


def test_classes_in_runs_are_named():
    x, y = data(128)
    order = np.argsort(y)
    found = fly(network(), "sparse_categorical_crossentropy", (x[order], y[order]))
    assert "ordered_batches" in codes(found)


@pytest.mark.thorough
def test_weights_are_as_before():
    model = network(norm=True)
    before = [weight.tobytes() for weight in model.get_weights()]
    fly(model, "sparse_categorical_crossentropy")
    assert [weight.tobytes() for weight in model.get_weights()] == before


def test_a_frozen_model_that_cannot_learn_is_named():
    model = network()
    model.trainable = False
    found = fly(model, "sparse_categorical_crossentropy")
    assert "learning_rate_too_high" in codes(found)


@pytest.mark.thorough
def test_dead_units_are_counted():
    model = network()
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel * 0, bias - 1])
    found = fly(model, "sparse_categorical_crossentropy")
    assert list(found.measurements["rehearsal"]["dead_units"].values()) == [1.0]


@pytest.mark.thorough
def test_right_gradients_agree_with_the_loss():
    found = fly(network(norm=True), "sparse_categorical_crossentropy")
    assert found.measurements["gradients"]["agreement"] == pytest.approx(1, abs=0.1)


class Rounding(keras.layers.Layer):
    """Passes a gradient that is not that of its output."""

    def call(self, inputs):
        rest = inputs - 0.2 * inputs
        return 0.2 * inputs + keras.ops.stop_gradient(rest)

    def compute_output_shape(self, input_shape):
        return input_shape


@pytest.mark.thorough
def test_a_gradient_of_something_else_is_named():
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="relu"),
            Rounding(),
            keras.layers.Dense(2, activation="softmax", trainable=False),
        ]
    )
    found = fly(model, "sparse_categorical_crossentropy")
    assert found.measurements["gradients"]["agreement"] > 2
    assert "learning_rate_too_high" in codes(found)


def test_the_quick_look_does_not_train():
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    found = preflight(model, batches(*data(128)), quick=True)
    assert "rehearsal" not in found.measurements and found.seconds < 30


def test_steps_of_the_whole_epoch_can_be_told():
    model = network(norm=True)
    model.compile("adam", "sparse_categorical_crossentropy")
    few = preflight(model, batches(*data(128)), quick=True)
    some = preflight(model, batches(*data(128)), quick=True, steps_per_epoch=100)
    many = preflight(model, batches(*data(128)), quick=True, steps_per_epoch=900)
    assert [
        [(f.code, f.severity) for f in found.findings] for found in (few, some, many)
    ] == [[("norm_momentum", "warning")], [("norm_momentum", "info")], []]
