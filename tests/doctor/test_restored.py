"""What an examination or a preflight leaves behind: nothing."""

import random

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight
from tests.doctor.networks import batches, data, sharp_network

pytestmark = pytest.mark.backends
L = keras.layers


def new_model(**compiled):
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(4, activation="relu", name="first"),
            L.BatchNormalization(),
            L.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", jit_compile=False, **compiled)
    return model


def losses_of(model):
    x, y = data(64)
    return model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]


@pytest.mark.thorough
def test_a_preflight_leaves_no_slots_and_no_step():
    model = new_model()
    optimizer = model.optimizer
    preflight(model, batches(*data(64)))
    assert model.optimizer is optimizer and not optimizer.built
    assert model.train_function is None


@pytest.mark.thorough
def test_a_training_after_a_preflight_is_as_without_it():
    looked_at, other = new_model(metrics=["accuracy"]), new_model(metrics=["accuracy"])
    preflight(looked_at, batches(*data(64)), batches(*data(64, seed=1)))
    assert losses_of(looked_at) == losses_of(other)


@pytest.mark.thorough
def test_layers_may_be_frozen_after_a_preflight():
    model = new_model()
    preflight(model, batches(*data(64)))
    model.get_layer("first").trainable = False
    before = model.get_layer("first").get_weights()[0]
    losses_of(model)
    assert np.array_equal(before, model.get_layer("first").get_weights()[0])


class Late(keras.Model):
    """Makes its variables at its first input, and has a second optimizer."""

    def __init__(self):
        super().__init__()
        self.norm = L.BatchNormalization()
        self.head = L.Dense(1, activation="sigmoid", kernel_initializer="ones")
        self.second = keras.optimizers.SGD()

    def call(self, inputs, training=None):
        return self.head(self.norm(inputs, training=training))


@pytest.mark.thorough
def test_a_model_that_was_not_built_keeps_its_first_weights():
    model = Late()
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    second = model.second
    found = preflight(model, batches(*data(64)))
    assert found.measurements["rehearsal"]["steps"] > 0
    assert np.array_equal(model.head.get_weights()[0], np.ones((2, 1)))
    assert model.norm.moving_mean.shape == (2,) and not np.any(
        keras.ops.convert_to_numpy(model.norm.moving_mean)
    )
    assert model.second is second and not second.built


class Drawing:
    """Batches that draw from the global generators."""

    def __iter__(self):
        for x, y in batches(*data(64)):
            yield x + np.random.rand() * 1e-3 + random.random() * 1e-3, y


def test_sources_that_draw_random_numbers_leave_them_as_they_were():
    model = sharp_network(data()[0])
    np.random.seed(3)
    random.seed(3)
    expected = np.random.rand(), random.random()
    np.random.seed(3)
    random.seed(3)
    examine(model, Drawing(), Drawing())
    assert (np.random.rand(), random.random()) == expected


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="a loader of PyTorch")
def test_a_shuffling_loader_leaves_the_generator_of_torch():
    import torch

    x, y = data(64)
    validation = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    loader = torch.utils.data.DataLoader(validation, batch_size=16, shuffle=True)
    before = torch.get_rng_state()
    assert examine(sharp_network(x), loader, loader).losses["D"] > 0
    assert torch.equal(before, torch.get_rng_state())


class Failing(L.Layer):
    """Fails after a number of calls, however they are made."""

    left = 10**9

    def call(self, inputs):
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("in the middle")
        return inputs


@pytest.mark.parametrize("calls", [1, 2, 4])
def test_everything_is_as_before_after_a_failure_in_the_middle(calls):
    layer = Failing()
    model = sharp_network(data()[0], before=[layer])
    model.run_eagerly = True
    before = [weight.tobytes() for weight in model.get_weights()]
    layer.left = calls
    with pytest.raises(Exception, match="in the middle"):
        examine(model, batches(*data(64)), batches(*data(64, seed=1)))
    assert [weight.tobytes() for weight in model.get_weights()] == before
    assert "call" not in vars(model.get_layer("norm"))


@pytest.mark.parametrize(
    ("model", "train", "said"),
    [
        ("model", [], "a Keras model, received str"),
        (None, "folder", "batches as training data, received str"),
        (None, {"x": np.zeros((4, 2))}, "received dict"),
        (None, None, "received NoneType"),
    ],
)
def test_what_cannot_be_examined_is_named(model, train, said):
    model = model or sharp_network(data()[0])
    for look in (examine, preflight):
        with pytest.raises(TypeError, match=said):
            look(model, train)


def test_labels_that_are_words_are_named():
    x, y = data(64)
    words = np.where(y > 0, "cat", "dog")
    found = examine(sharp_network(x), (x, words), (x, words))
    assert found.verdict == "label_mismatch" and "number the classes" in (found.summary)


def test_empty_batches_count_as_none():
    x, y = data(64)
    parts = [*batches(x, y), (x[:0], y[:0])]
    validation = [*batches(*data(64, seed=1)), parts[-1]]
    assert examine(sharp_network(x), parts, validation).verdict == "healthy"
    with pytest.raises(ValueError, match="validation data, received none"):
        examine(sharp_network(x), parts, parts[-1:])


def test_inputs_that_are_no_numbers_are_noted():
    x, y = data(64)
    x = x.copy()
    x[0] = np.nan
    found = examine(sharp_network(data()[0]), batches(*data(64)), batches(x, y))
    assert any("validation inputs hold values" in note for note in found.notes)
