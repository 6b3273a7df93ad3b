"""Gates inside a network and images of few values are not what they look like."""

import inspect

import keras
import numpy as np
import pytest

from kerasnorm.doctor.checks.data import LEAKED, REPEATED
from kerasnorm.doctor.losses.head_activation import last_activation
from kerasnorm.doctor.probes.leakage import measure_overlap
from kerasnorm.doctor.sampling.sample_batches import sample_batches

L = keras.layers


def gates():
    """Every activation of Keras, by name, and its layers of activations."""
    for name, function in vars(keras.activations).items():
        public = inspect.isfunction(function) and not name.startswith("_")
        if public and name not in ("deserialize", "get", "serialize"):
            # GLU halves its inputs, which a gate of one width cannot.
            if name != "glu":
                yield name, lambda name=name: L.Activation(name)
    for name in ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"):
        yield name, getattr(L, name)


GATES = dict(gates())


def multiplied(gate):
    inputs = keras.Input((4,))
    hidden = L.Dense(4)(inputs)
    return keras.Model(inputs, L.Dense(2)(L.Multiply()([hidden, gate(hidden)])))


def multiplied_last(gate):
    inputs = keras.Input((4,))
    hidden = L.Dense(4)(inputs)
    return keras.Model(inputs, L.Multiply()([hidden, gate(hidden)]))


def sequential(gate):
    return keras.Sequential([keras.Input((4,)), L.Dense(4), gate, L.Dense(2)])


def added(gate):
    inputs = keras.Input((4,))
    hidden = L.Dense(4)(inputs)
    return keras.Model(inputs, hidden + gate(hidden))


def of_a_recurrent_layer(gate):
    return keras.Sequential(
        [keras.Input((3, 4)), L.LSTM(4, recurrent_activation=gate), L.Dense(2)]
    )


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize(
    "make", [multiplied, multiplied_last, sequential, added, of_a_recurrent_layer]
)
def test_an_activation_inside_is_not_that_of_the_head(make, name):
    found = last_activation(make(GATES[name]()))
    assert found == (None if make in (multiplied_last, added) else "linear")


SIZE = 16


def draw(seed, count=64):
    return np.random.default_rng(seed).random((count, SIZE, SIZE, 3)).astype("float32")


def constant(seed):
    """Each image has one value, the same few of them in both splits."""
    values = np.random.default_rng(seed).integers(0, 4, 64) / 4
    return np.broadcast_to(values[:, None, None, None], (64, SIZE, SIZE, 3)) + 0 * draw(
        0
    )


def black(seed):
    """One in four images is blank."""
    x = draw(seed)
    x[::4] = 0
    return x


def of_two_halves(seed):
    """Images of two flat halves, of few values."""
    values = np.random.default_rng(seed).integers(0, 4, (64, 2)) / 4
    return np.repeat(values, SIZE // 2, axis=1)[:, :, None, None] + 0 * draw(0)


def tinted(seed):
    """Images of one colour each: the channels differ."""
    values = np.random.default_rng(seed).integers(0, 3, (64, 3)) / 3
    return values[:, None, None, :] + 0 * draw(0)


def leaked(seed):
    return draw(1)


@pytest.mark.parametrize("kind", [np.float32, np.uint8])
@pytest.mark.parametrize(
    "make", [draw, constant, black, of_two_halves, tinted], ids=lambda m: m.__name__
)
def test_images_of_few_values_are_not_leaked(make, kind):
    scale = 255 if kind == np.uint8 else 1
    splits = [sample_batches([(make(seed) * scale).astype(kind)]) for seed in (1, 2)]
    found = measure_overlap(*splits)
    # What so few values repeat anyway is no leakage.
    assert found.exact < max(LEAKED, REPEATED * found.exact_inside)
    assert found.similar < LEAKED or found.similar_inside >= 0.01


def test_the_same_images_are_leaked():
    found = measure_overlap(*(sample_batches([leaked(seed)]) for seed in (1, 2)))
    assert found.exact == found.similar == 1 and found.exact_inside == 0
