"""Neither a constant in the loss nor its unit or its sign changes what is found."""

import inspect

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight
from tests.doctor.model_kinds import Batches
from tests.marks import thorough_after

L = keras.layers
K = keras.losses
ops = keras.ops
COUNT, SIZE = 96, 32


def inputs(seed):
    return np.random.default_rng(seed).normal(size=(COUNT, 4)).astype("float32")


def amounts(x):
    return x[:, :3]


def positive(x):
    return np.exp(x[:, :3] / 2)


def several(x):
    return (x[:, :3] > 0).astype("float32")


def one(x):
    return several(x)[:, :1]


def sign(x):
    return 2 * one(x) - 1


def numbers(x):
    return x[:, :3].argmax(1)


def one_hot(x):
    return np.eye(3, dtype="float32")[numbers(x)]


def missing(x):
    gaps = np.random.default_rng(5).random((COUNT, 3)) < 0.3
    return np.where(gaps, np.nan, x[:, :3]).astype("float32")


def known_squares(y, p):
    known = ops.isfinite(y)
    return ops.mean(ops.where(known, ops.square(ops.where(known, y, 0.0) - p), 0.0), -1)


def minus_dice(y, p):
    return -(2 * ops.sum(y * p, -1) + 1) / (ops.sum(y, -1) + ops.sum(p, -1) + 1)


# The loss, its labels, and the last activation.
LOSSES = {
    "BinaryCrossentropy": (K.BinaryCrossentropy(), several, "sigmoid"),
    "BinaryCrossentropy of one-hot labels": (
        K.BinaryCrossentropy(),
        one_hot,
        "sigmoid",
    ),
    "minus Dice": (minus_dice, several, "sigmoid"),
    "missing values": (known_squares, missing, None),
    "MeanSquaredError": (K.MeanSquaredError(), amounts, None),
    "CosineSimilarity": (K.CosineSimilarity(), amounts, None),
    "BinaryCrossentropy of logits": (
        K.BinaryCrossentropy(from_logits=True),
        one,
        None,
    ),
    "BinaryFocalCrossentropy": (K.BinaryFocalCrossentropy(), several, "sigmoid"),
    "CategoricalCrossentropy": (K.CategoricalCrossentropy(), one_hot, "softmax"),
    "CategoricalFocalCrossentropy": (
        K.CategoricalFocalCrossentropy(),
        one_hot,
        "softmax",
    ),
    "CategoricalGeneralizedCrossEntropy": (
        K.CategoricalGeneralizedCrossEntropy(),
        numbers,
        "softmax",
    ),
    "CategoricalHinge": (K.CategoricalHinge(), one_hot, "softmax"),
    "Circle": (K.Circle(), numbers, None),
    "Dice": (K.Dice(axis=-1), several, "sigmoid"),
    "Hinge": (K.Hinge(), sign, "tanh"),
    "Huber": (K.Huber(), amounts, None),
    "KLDivergence": (K.KLDivergence(), one_hot, "softmax"),
    "LogCosh": (K.LogCosh(), amounts, None),
    "MeanAbsoluteError": (K.MeanAbsoluteError(), amounts, None),
    "MeanAbsolutePercentageError": (K.MeanAbsolutePercentageError(), positive, None),
    "MeanSquaredLogarithmicError": (
        K.MeanSquaredLogarithmicError(),
        positive,
        "softplus",
    ),
    "Poisson": (K.Poisson(), positive, "softplus"),
    "SparseCategoricalCrossentropy": (
        K.SparseCategoricalCrossentropy(),
        numbers,
        "softmax",
    ),
    "SquaredHinge": (K.SquaredHinge(), sign, "tanh"),
    "Tversky": (K.Tversky(axis=-1), several, "sigmoid"),
}
# Keras' CTC has no labels of this form: `test_model_kinds` has it.
ELSEWHERE = {"CTC"}
CHANGES = {"thousandth": (0.001, -0.01), "thousandfold": (1000, 0), "1 +": (1, 1)}


class Changed(K.Loss):
    """Another loss in another unit, and a constant added."""

    def __init__(self, loss, factor=1.0, constant=0.0):
        super().__init__(name="changed")
        self.loss, self.factor, self.constant = loss, factor, constant

    def call(self, y, p):
        call = getattr(self.loss, "call", self.loss)
        return self.factor * call(y, p) + self.constant


def cut(x, labels):
    y = labels(x)
    return [(x[i : i + SIZE], y[i : i + SIZE]) for i in range(0, COUNT, SIZE)]


def trained(loss, labels, activation):
    keras.utils.set_random_seed(0)
    units = labels(inputs(1)).shape[1] if labels is not numbers else 3
    norm = L.BatchNormalization(momentum=0.5)
    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(8, "tanh"), norm, L.Dense(units, activation)]
    )
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False)
    model.fit(Batches(cut(inputs(1), labels)), epochs=8, verbose=0)
    return model


def found_in(model, loss, labels, **more):
    """Return what is found in a hardly and a very stale model, and before training."""
    data = cut(inputs(1), labels), cut(inputs(2), labels)
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=False, **more)
    mean, found = model.layers[1].moving_mean, []
    for shift in (0.2, 2.0):
        mean.assign(mean + shift)
        found.append(examine(model, *data, thorough=False))
        mean.assign(mean - shift)
    found.append(preflight(model, *data))
    return [[(f.code, f.severity) for f in each.findings] for each in found]


def test_every_loss_of_keras_is_tried():
    kinds = {
        kind.__name__
        for kind in vars(K).values()
        if inspect.isclass(kind) and issubclass(kind, K.Loss) and kind is not K.Loss
    }
    assert kinds - {name.partition(" ")[0] for name in LOSSES} == ELSEWHERE


@pytest.mark.parametrize("name", thorough_after(0, list(LOSSES)[:3]))
def test_a_constant_and_a_unit_change_nothing(name):
    check(name, CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(LOSSES)[3:])
def test_a_constant_and_a_unit_change_nothing_of_any_loss(name):
    check(name, CHANGES)


def check(name, changes):
    loss, labels, activation = LOSSES[name]
    model = trained(loss, labels, activation)
    plain = found_in(model, Changed(loss), labels)
    for change, numbers_of_change in changes.items():
        changed = found_in(model, Changed(loss, *numbers_of_change), labels)
        assert changed == plain, change
    own = found_in(model, loss, labels)
    weighted = found_in(model, loss, labels, loss_weights=[1000.0])
    assert weighted == own


# A few calls only: on JAX each model compiles anew.
@pytest.mark.thorough
@pytest.mark.backends
def test_a_constant_and_a_unit_change_nothing_on_any_backend():
    loss, labels, activation = LOSSES["minus Dice"]
    model = trained(loss, labels, activation)
    mean = model.layers[1].moving_mean
    mean.assign(mean + 2.0)
    data = cut(inputs(1), labels), cut(inputs(2), labels)
    found = [
        examine(model, *data, loss=Changed(loss, *numbers_of_change), thorough=False)
        for numbers_of_change in ((1.0, 0.0), CHANGES["thousandth"])
    ]
    plain, changed = ([(f.code, f.severity) for f in one.findings] for one in found)
    assert changed == plain
    assert ("stale_statistics", "error") in plain
    assert found[1].budget.gap == pytest.approx(0.001 * found[0].budget.gap, rel=1e-3)
