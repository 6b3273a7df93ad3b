"""What the best constant answer costs, and outputs of any kind that are no better."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.forward.statistics import Pass, evaluate, evaluate_loss
from kerasnorm.doctor.loss_matrix.loss_scale import measure_scale
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.model_kinds import Batches, Triplets
from tests.doctor.test_loss_of_models import OwnStep
from tests.marks import thorough_after

pytestmark = pytest.mark.backends
L = keras.layers
COUNT, SIZE, STEPS = 64, 16, 6


def draw(*shape, seed=0):
    numbers = np.random.default_rng(seed).normal(size=(COUNT, *shape))
    return numbers.astype("float32")


def padded(shape=(3,)):
    x = draw(STEPS, *shape)
    lengths = np.random.default_rng(3).integers(1, STEPS + 1, COUNT)
    x[np.arange(STEPS) >= lengths[:, None]] = 0
    return x


X, IMAGES, PADDED = draw(4), draw(4, 4, 1), padded()
SKEWED = np.exp(2 * draw(4))
VALID = (PADDED != 0).any(-1)
# What stands at padded steps counts for nothing.
STEP_TARGETS = np.where(VALID[..., None], PADDED[..., :1] + 2, 900).astype("float32")
STEP_CLASSES = np.where(VALID, PADDED.argmax(-1), 1)
HOLES = np.where(draw(1, seed=7) > 0.8, np.nan, X[:, :1]).astype("float32")


def known_squares(y, p):
    known = keras.ops.isfinite(y)
    squares = keras.ops.square(keras.ops.where(known, y, 0.0) - p)
    return keras.ops.mean(keras.ops.where(known, squares, 0.0), -1)


# Loss, inputs, labels, last activation, and what it is applied to where it has learned
# the labels: one kernel for each place.
EYE = np.eye(4, dtype="float32")
KINDS = {
    "regression": ("mse", X, 2 * X[:, :1] + 1, None, 2 * EYE[:, :1]),
    "padded steps": ("mse", PADDED, STEP_TARGETS, None, EYE[:3, :1]),
    "several labels": (
        "binary_crossentropy",
        X,
        (X > 0).astype("float32"),
        "sigmoid",
        5 * EYE,
    ),
    "absolute differences": ("mae", SKEWED, SKEWED[:, :1], None, EYE[:, :1]),
    "autoencoder": ("mse", X, X, None, EYE),
    "segmentation": (
        "binary_crossentropy",
        IMAGES,
        (IMAGES > 0).astype("float32"),
        "sigmoid",
        5 * EYE[:1, :1],
    ),
    "classes of padded steps": (
        "sparse_categorical_crossentropy",
        PADDED,
        STEP_CLASSES,
        "softmax",
        5 * EYE[:3, :3],
    ),
    "missing values": (known_squares, X, HOLES, None, EYE[:, :1]),
    "large loss": (
        keras.losses.MeanSquaredError(reduction="sum"),
        X,
        X[:, :1],
        None,
        EYE[:, :1],
    ),
    "targets of their size": ("mape", SKEWED, SKEWED[:, :1], None, EYE[:, :1]),
}


def network(kind):
    loss, x, _, activation, kernel = KINDS[kind]
    masking = [L.Masking()] if kind.endswith("padded steps") else []
    head = L.Dense(kernel.shape[1], activation)
    model = keras.Sequential([keras.Input(x.shape[1:]), *masking, head])
    model.compile("sgd", loss, jit_compile=False)
    return model, head, kernel


def constant(kind, answer):
    """Return the weights of a head that gives one answer for all samples."""
    _, _, y, activation, kernel = KINDS[kind]
    if activation == "softmax":
        fractions = np.bincount(y[VALID], minlength=3) / VALID.sum()
        return [kernel * 0, np.log(fractions)]
    values = y[VALID] if kind.endswith("padded steps") else y
    bias = answer(values.reshape(-1, kernel.shape[1]), axis=0)
    return [kernel * 0, np.log(bias / (1 - bias)) if activation else bias]


def offset(kind):
    bias = {"regression": 1.0, "padded steps": 2.0}.get(kind, 0.0)
    return np.full(KINDS[kind][4].shape[1], bias, "float32")


def batches(kind):
    _, x, y, *_ = KINDS[kind]
    return [(x[i : i + SIZE], y[i : i + SIZE]) for i in range(0, COUNT, SIZE)]


def scale_of(model, data):
    samples = sample_batches(data)
    loss = resolve_loss(model, samples)
    seen = Pass(evaluate(model, samples), evaluate_loss(model, samples, loss))
    return measure_scale(loss, samples, seen)


@pytest.mark.parametrize("kind", thorough_after(2, KINDS))
def test_the_constant_costs_what_evaluate_says_of_a_network_that_gives_it(kind):
    model, head, _ = network(kind)
    losses = []
    for answer in (np.nanmean, np.nanmedian):
        with np.errstate(divide="ignore"):
            head.set_weights(constant(kind, answer))
        found = model.evaluate(Batches(batches(kind)), verbose=0)
        losses.append(found)
    scale = scale_of(model, batches(kind))
    # Constants differ from place to place, which one kernel cannot give.
    one = kind not in ("segmentation", "padded steps")
    assert scale.constant == pytest.approx(min(losses), rel=1e-4 if one else 0.1)


def codes(kind, weights, count=COUNT):
    model, head, _ = network(kind)
    head.set_weights(weights)
    _, x, y, *_ = KINDS[kind]
    data = x[:count], y[:count]
    found = examine(model, data, thorough=False)
    return {f.code: f.severity for f in found.findings}


@pytest.mark.parametrize("kind", thorough_after(1, KINDS))
def test_64_samples_prove_that_a_constant_answer_is_nothing_learned(kind):
    bias = constant(kind, np.nanmean)
    # Not the best one: of other samples.
    bias[1] = bias[1] + 0.05 * np.abs(bias[1])
    assert codes(kind, bias)["not_learned"] == "error"


@pytest.mark.parametrize("kind", thorough_after(1, KINDS))
def test_outputs_that_are_right_have_learned(kind):
    kernel = KINDS[kind][4]
    assert "not_learned" not in codes(kind, [kernel, offset(kind)])


@pytest.mark.parametrize("kind", thorough_after(1, KINDS))
def test_few_samples_prove_nothing(kind):
    assert "not_learned" not in codes(kind, constant(kind, np.nanmean), count=8)


def test_a_loss_without_labels_is_compared_with_one_answer_for_all_samples():
    far = np.where(np.arange(COUNT) % 2, 5, -5)[:, None] * np.ones(4)
    x = np.stack([far, far, -far], axis=1).astype("float32")
    inputs = keras.Input(x.shape[1:])
    head = L.Dense(4, use_bias=False)
    model = Triplets(inputs, head(inputs))
    model.compile("sgd", jit_compile=False)
    head.set_weights([EYE])
    # Every triplet is right: losses of 0 tell nothing, the margin does.
    scale = scale_of(model, [(x[i : i + SIZE],) for i in range(0, COUNT, SIZE)])
    assert scale.loss_unit == pytest.approx(1.0)


def test_a_test_step_of_ones_own_is_asked_for_other_answers():
    inputs = keras.Input((4,))
    model = OwnStep(inputs, L.Dense(1)(inputs))
    model.compile("sgd", jit_compile=False)
    model.layers[-1].set_weights([EYE[:, :1], np.zeros(1)])
    y = X[:, :1]
    data = [(X[i : i + SIZE], y[i : i + SIZE]) for i in range(0, COUNT, SIZE)]
    scale = scale_of(model, data)
    # Its loss is the largest distance in a batch.
    wanted = min(
        np.mean([np.abs(b - answer).max() for _, b in data])
        for answer in (y.mean(), np.median(y))
    )
    assert scale.perfect == pytest.approx(0, abs=1e-6)
    assert scale.constant == scale.loss_unit == pytest.approx(wanted, rel=1e-5)
