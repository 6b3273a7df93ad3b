"""Every loss that the doctor states is the one that `evaluate` reports."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from tests.doctor.model_kinds import Batches
from tests.marks import thorough_after

pytestmark = pytest.mark.backends
L = keras.layers
ops = keras.ops
STEPS, COUNT, SIZE = 5, 24, 8
ON_JAX = keras.backend.backend() == "jax"
rng = np.random.default_rng(0)


def numbers(*shape):
    return rng.normal(size=shape).astype("float32")


def dense(units=1, activation=None, **more):
    return keras.Sequential(
        [
            keras.Input((3,)),
            L.Dense(4, "tanh"),
            L.BatchNormalization(),
            L.Dense(units, activation, **more),
        ]
    )


def masked():
    return keras.Sequential(
        [
            keras.Input((STEPS, 3)),
            L.Masking(),
            L.LSTM(4, return_sequences=True),
            L.Dense(1),
        ]
    )


def two_outputs():
    inputs = keras.Input((3,))
    hidden = L.Dense(4, "tanh")(inputs)
    heads = {"a": L.Dense(1, name="a")(hidden), "b": L.Dense(2, "softmax")(hidden)}
    return keras.Model(inputs, heads)


def saturated():
    model = dense(3, "softmax")
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 300, bias])
    return model


def batch_dice(y, p):
    return -(2 * ops.sum(y * p) + 1) / (ops.sum(y) + ops.sum(p) + 1)


def known_squares(y, p):
    known = ops.isfinite(y)
    return ops.where(known, ops.square(ops.where(known, y, 0.0) - p), 0.0)


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **_):
        return ops.mean(ops.abs(y - y_pred)) + ops.mean(ops.square(x)) + 7.0


class OwnUpdates(keras.Model):
    """Computes its loss in the method that Keras has on JAX only."""

    def compute_loss_and_updates(
        self, trained, others, metrics, x, y, weights, training=False, **_
    ):
        y_pred, others = self.stateless_call(trained, others, x, training=training)
        loss = ops.mean(ops.abs(y - y_pred)) + ops.mean(ops.square(x)) + 7.0
        return loss, (loss, y_pred, others, metrics)


class OwnStep(keras.Model):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.far = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.far]

    def _far(self, x, y):
        return ops.max(ops.abs(self(x, training=False) - y))

    if ON_JAX:

        def test_step(self, state, data):
            x, y = data
            predicted, _ = self.stateless_call(*state[:2], x, training=False)
            far = ops.max(ops.abs(predicted - y))
            metric = self.far.stateless_update_state(state[2], far)
            loss = self.far.stateless_result(metric)
            return {"loss": loss}, (*state[:2], metric)

    else:

        def test_step(self, data):
            x, y = data
            self.far.update_state(self._far(x, y))
            return {"loss": self.far.result()}


def own(kind):
    inputs = keras.Input((3,))
    return kind(inputs, L.Dense(1)(L.BatchNormalization()(inputs)))


def with_padding():
    x = numbers(COUNT, STEPS, 3)
    x[np.arange(STEPS) >= rng.integers(1, STEPS + 1, COUNT)[:, None]] = 0
    return x


X, PADDED, IMAGES = numbers(COUNT, 3), with_padding(), numbers(COUNT, 4, 4, 3)
Y, WEIGHTS = numbers(COUNT, 1), rng.uniform(0.1, 5, COUNT).astype("float32")
CLASSES = rng.integers(0, 3, COUNT)
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
STEP_WEIGHTS = rng.uniform(0.1, 5, (COUNT, STEPS)).astype("float32")
PADDED_WEIGHTED = PADDED, numbers(COUNT, STEPS, 1), STEP_WEIGHTS
PIXELS = rng.integers(0, 2, (COUNT, 4, 4, 1)).astype("float32")
PIXEL_WEIGHTS = rng.uniform(0, 2, (COUNT, 4, 4)).astype("float32")
IGNORED = np.where(CLASSES == 2, 255, CLASSES)
HOLES = np.where(rng.random((COUNT, 1)) < 0.4, np.nan, Y).astype("float32")
BOTH = {"a": Y, "b": rng.integers(0, 2, COUNT)}
LOSSES = {"a": "mse", "b": "sparse_categorical_crossentropy"}


def pixels(activation="sigmoid"):
    return keras.Sequential(
        [keras.Input((4, 4, 3)), L.Conv2D(1, 3, padding="same", activation=activation)]
    )


REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None)
CASES = {
    "padding": (masked, "mse", (PADDED, numbers(COUNT, STEPS, 1))),
    "own compute_loss": (lambda: own(OwnLoss), "mse", (X, Y)),
    "own test_step": (lambda: own(OwnStep), "mse", (X, Y)),
    **(
        {"own compute_loss_and_updates": (lambda: own(OwnUpdates), None, (X, Y))}
        if ON_JAX
        else {}
    ),
    "loss of whole batches": (pixels, batch_dice, (IMAGES, PIXELS)),
    "saturated": (saturated, "categorical_crossentropy", (X, ONE_HOT)),
    "saturated pixels": (
        lambda: saturate(pixels()),
        "binary_crossentropy",
        (IMAGES, PIXELS),
    ),
    "ignored class": (
        lambda: dense(3, "softmax"),
        keras.losses.SparseCategoricalCrossentropy(ignore_class=255),
        (X, IGNORED),
    ),
    "missing targets": (dense, known_squares, (X, HOLES)),
    "pixel weights": (pixels, "binary_crossentropy", (IMAGES, PIXELS, PIXEL_WEIGHTS)),
    "one-hot and sigmoid": (
        lambda: dense(3, "sigmoid"),
        "binary_crossentropy",
        (X, ONE_HOT),
    ),
    "cosine similarity": (
        lambda: dense(3),
        "cosine_similarity",
        (X, numbers(COUNT, 3)),
    ),
    **{
        f"{reduction}{' padded' if padded else ''}": (
            masked if padded else dense,
            keras.losses.MeanSquaredError(reduction=reduction),
            (PADDED, numbers(COUNT, STEPS, 1), STEP_WEIGHTS)
            if padded
            else (X, Y, WEIGHTS),
        )
        for padded in (False, True)
        for reduction in REDUCTIONS
    },
}


def saturate(model):
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel * 300, bias])
    return model


def cut(data):
    return [
        keras.tree.map_structure(lambda a, i=i: a[i : i + SIZE], data)
        for i in range(0, COUNT, SIZE)
    ]


def evaluated(model, data):
    found = model.evaluate(Batches(cut(data)), verbose=0)
    return found[0] if isinstance(found, list) else found


def compiled(make, loss, **more):
    model = make()
    # Keras' own compiled evaluation rounds differently where XLA fuses it.
    model.compile("sgd", loss, jit_compile=False, **more)
    return model


@pytest.mark.parametrize("name", thorough_after(4, CASES))
def test_the_stated_loss_is_that_of_evaluate(name):
    make, loss, data = CASES[name]
    model = compiled(make, loss)
    found = examine(model, cut(data), cut(data), thorough=False)
    assert found.losses["D"] == pytest.approx(evaluated(model, data), rel=1e-5)
    assert ("whole batches" in " ".join(found.notes)) == (
        name.startswith("own ") or name == "loss of whole batches"
    )


@pytest.mark.parametrize(
    "weights", [{"a": 0.01, "b": 5.0}, *thorough_after(0, [None, {"a": 3.0, "b": 0.0}])]
)
def test_several_outputs_count_with_their_loss_weights(weights):
    model = compiled(two_outputs, LOSSES, loss_weights=weights)
    found = examine(model, cut((X, BOTH)), cut((X, BOTH)), thorough=False)
    assert found.losses["D"] == pytest.approx(evaluated(model, (X, BOTH)), rel=1e-5)
    assert not any("whole batches" in note for note in found.notes)


@pytest.mark.parametrize("kind", [OwnLoss, *([OwnUpdates] if ON_JAX else [])])
def test_batch_mode_gives_what_a_test_step_in_that_mode_would_say(kind):
    model = compiled(lambda: own(kind), "mse")
    found = examine(model, cut((X, Y)), None, thorough=False)
    norm, head = model.layers[1:]
    wanted = []
    for x, y in cut((X, Y)):
        normal = (x - x.mean(0)) / np.sqrt(x.var(0) + norm.epsilon)
        kernel, bias = head.get_weights()
        wanted.append(np.abs(normal @ kernel + bias - y).mean() + (x**2).mean() + 7)
    assert found.losses["A"] == pytest.approx(np.mean(wanted), rel=1e-5)


def test_what_layers_and_regularizers_add_stands_in_a_note():
    model = compiled(
        lambda: dense(1, kernel_regularizer="l2", activity_regularizer="l1"), "mse"
    )
    found = examine(model, cut((X, Y)), cut((X, Y)), thorough=False)
    (note,) = [note for note in found.notes if "regularizers" in note]
    added = float(note.rpartition(" and ")[2].partition(" ")[0])
    total = evaluated(model, (X, Y))
    assert found.losses["D"] + added == pytest.approx(total, rel=1e-3)
    assert found.losses["D"] < total - 1e-3


def test_whole_arrays_are_one_set_where_the_loss_joins_samples():
    make, loss, data = CASES["padding"]
    model = compiled(make, loss)
    found = examine(model, data, data, thorough=False)
    total = model.evaluate(*data, batch_size=COUNT, verbose=0)
    assert found.losses["D"] == pytest.approx(total, rel=1e-5)
