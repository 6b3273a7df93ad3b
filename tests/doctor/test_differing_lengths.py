"""Batches of differing length are used, all of them, where the model takes them."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight, prove
from kerasnorm.doctor.forward.statistics import Pass, evaluate, evaluate_loss
from kerasnorm.doctor.loss_matrix.loss_scale import measure_scale
from kerasnorm.doctor.losses.model_losses import resolve_loss
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from kerasnorm.surgery import recalibrate_batch_norm, swap_norm
from tests.doctor.model_kinds import TENSORFLOW, Batches
from tests.marks import thorough_after

L = keras.layers
ops = keras.ops
SIZE = 8
# Other backends compile every operation for every length.
LENGTHS = (5, 7, 6, 5, 9, 3) if TENSORFLOW else (5, 7, 5)
ON_BACKENDS = ("weighted steps",)


def draw(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def steps(seed, length, padded=False):
    x = draw(seed, SIZE, length, 3)
    if padded:
        known = np.random.default_rng(seed).integers(1, length + 1, SIZE)
        x[np.arange(length) >= known[:, None]] = 0
    return x


def network(*layers, masking=False):
    first = [L.Masking()] if masking else []
    return keras.Sequential([keras.Input((None, 3)), *first, *layers])


def norm():
    return L.BatchNormalization(momentum=0.5)


def pooled(units, activation=None):
    return network(
        L.Conv1D(4, 3, padding="same"),
        norm(),
        L.GlobalAveragePooling1D(),
        L.Dense(units, activation),
    )


def by_step(units, activation=None, **more):
    return network(L.Conv1D(4, 1), norm(), L.Dense(units, activation), **more)


def recurrent():
    return network(L.LSTM(4, return_sequences=True), norm(), L.Dense(1), masking=True)


def convolutional():
    return keras.Sequential(
        [
            keras.Input((None, None, 1)),
            L.Conv2D(3, 3, padding="same"),
            norm(),
            L.Conv2D(1, 1, activation="sigmoid"),
        ]
    )


def images(seed, length):
    x = draw(seed, SIZE, length, length + 1, 1)
    return x, (x > 0).astype("float32")


def two_heads():
    inputs = keras.Input((None, 3))
    hidden = norm()(L.Conv1D(4, 3, padding="same")(inputs))
    heads = {
        "steps": L.Dense(1, name="steps")(hidden),
        "whole": L.Dense(2, "softmax", name="whole")(L.GlobalMaxPooling1D()(hidden)),
    }
    return keras.Model(inputs, heads)


def both(seed, length):
    x = steps(seed, length)
    return x, {"steps": x[..., :1], "whole": (x[:, 0, 0] > 0).astype("int64")}


class OwnLoss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **_):
        return ops.mean(ops.abs(y - y_pred)) + ops.mean(ops.square(x))


def own_loss():
    inputs = keras.Input((None, 3))
    return OwnLoss(inputs, L.Dense(1)(norm()(inputs)))


def ctc(seed, length):
    labels = np.random.default_rng(seed).integers(1, 4, (SIZE, max(1, length // 3)))
    return steps(seed, length), labels


# The model, its loss, and batches of a seed and a length.
KINDS = {
    "classes": (
        lambda: pooled(3, "softmax"),
        "sparse_categorical_crossentropy",
        lambda s, n: (steps(s, n), steps(s, n).mean(1).argmax(-1)),
    ),
    "masked steps": (
        recurrent,
        "mse",
        lambda s, n: (steps(s, n, True), steps(s, n, True)[..., :1]),
    ),
    "weighted steps": (
        lambda: by_step(1),
        keras.losses.MeanSquaredError(reduction="sum"),
        lambda s, n: (steps(s, n), steps(s, n)[..., :1], np.abs(draw(s, SIZE, n))),
    ),
    "classes of steps": (
        lambda: by_step(3, "softmax"),
        "sparse_categorical_crossentropy",
        lambda s, n: (steps(s, n), steps(s, n).argmax(-1)),
    ),
    "images": (convolutional, "binary_crossentropy", images),
    "two heads": (
        two_heads,
        {"steps": "mse", "whole": "sparse_categorical_crossentropy"},
        both,
    ),
    "weights": (
        lambda: pooled(1),
        "mae",
        lambda s, n: (steps(s, n), steps(s, n).mean((1, 2)), np.abs(draw(s, SIZE))),
    ),
    "loss of whole batches": (
        lambda: by_step(1),
        lambda y, p: ops.mean(ops.square(y - p)),
        lambda s, n: (steps(s, n), steps(s, n)[..., :1]),
    ),
    "own loss": (own_loss, None, lambda s, n: (steps(s, n), steps(s, n)[..., :1])),
    "ctc": (lambda: by_step(4), keras.losses.CTC(), ctc),
}


def sources(kind):
    made = KINDS[kind][2]
    return [
        [made(start + place, length) for place, length in enumerate(LENGTHS)]
        for start in (0, 50)
    ]


def trained(kind):
    keras.utils.set_random_seed(0)
    model = KINDS[kind][0]()
    model.compile(keras.optimizers.Adam(0.01), KINDS[kind][1], jit_compile=False)
    train, validation = sources(kind)
    model.fit(Batches(train), epochs=2, verbose=0)
    return model, train, validation


def loss_of(model, batches):
    found = model.evaluate(Batches(batches), verbose=0)
    return found[0] if isinstance(found, list) else found


def rows():
    for kind in KINDS:
        marks = [pytest.mark.thorough] if kind != "classes" else []
        marks += [pytest.mark.backends] if kind in ON_BACKENDS else []
        yield pytest.param(kind, marks=marks)


@pytest.mark.parametrize("kind", rows())
def test_the_stated_losses_are_those_of_evaluate(kind):
    model, train, validation = trained(kind)
    found = examine(model, train, validation, thorough=False)
    for cell, batches in (("B", train), ("D", validation)):
        assert found.losses[cell] == pytest.approx(loss_of(model, batches), rel=1e-5)
    assert not any("left out: the model" in note for note in found.notes)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "kind", ["classes", "masked steps", "classes of steps", "images", "two heads"]
)
def test_preflight_proof_and_surgery_take_them(kind):
    model, train, validation = trained(kind)
    flight = preflight(model, train, validation)
    assert not [f.summary for f in flight.findings if f.severity == "error"]
    assert flight.losses["start"] == pytest.approx(loss_of(model, train), rel=1e-5)
    layer = next(n for n in model.layers if hasattr(n, "moving_mean"))
    layer.moving_mean.assign(layer.moving_mean + 5)
    proof = prove(model, train, validation, seconds=8)
    assert proof.before.verdict == "stale_statistics"
    assert np.isfinite(loss_of(proof.model, validation))
    assert proof.gain > 0
    swapped, _ = swap_norm(model, "group", batch=train[0][0])
    assert np.isfinite(loss_of(swapped, validation))
    assert recalibrate_batch_norm(model, train) == SIZE * len(LENGTHS)


def test_every_sample_is_kept_and_batches_have_one_shape():
    train, _ = sources("classes of steps")
    samples = sample_batches(train)
    assert samples.count == SIZE * len(LENGTHS)
    for batches in (samples.batches(), samples.shuffled(8), samples.in_order(64)):
        assert sorted(np.concatenate(batches)) == list(range(samples.count))
        for numbers in batches:
            x, y, _ = samples.take(numbers)
            assert x.shape[:2] == y.shape
            for row, number in zip(x, numbers, strict=True):
                batch, place = divmod(number, SIZE)
                np.testing.assert_array_equal(row, train[batch][0][place])


@pytest.mark.parametrize("kind", thorough_after(1, ["weighted steps", "images"]))
def test_the_best_constant_is_that_of_all_places(kind):
    model, train, _ = trained(kind)
    samples, head = sample_batches(train), model.layers[-1]
    loss = resolve_loss(model, samples)
    seen = Pass(evaluate(model, samples), evaluate_loss(model, samples, loss))
    found = measure_scale(loss, samples, seen).constant
    targets = np.concatenate([batch[1].reshape(-1) for batch in train])
    answers = []
    for answer in (targets.mean(), np.median(targets)):
        with np.errstate(divide="ignore"):
            bias = np.log(answer / (1 - answer)) if kind == "images" else answer
        head.set_weights([head.get_weights()[0] * 0, np.array([bias])])
        answers.append(loss_of(model, train))
    assert found == pytest.approx(min(answers), rel=1e-4)


@pytest.mark.parametrize("first", [5, 7])
def test_batches_that_the_model_refuses_are_left_out_with_a_note(first):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((5, 3)), L.Flatten(), L.Dense(4), norm(), L.Dense(1)]
    )
    model.compile("sgd", "mse", jit_compile=False)
    lengths = (first, 5, 5, 7, 5)
    data = [(steps(i, n), steps(i, n)[:, 0, :1]) for i, n in enumerate(lengths)]
    taken = [batch for batch in data if batch[0].shape[1] == 5]
    for run in (examine, preflight):
        found = run(model, data, data)
        left = len(data) - len(taken)
        assert any(note.startswith(f"{left} of 5 batches") for note in found.notes)
    found = examine(model, data, data, thorough=False)
    assert found.losses["D"] == pytest.approx(loss_of(model, taken), rel=1e-5)
    with pytest.raises(ValueError, match="that it refuses"):
        examine(model, [data[3], (steps(1, 8), steps(1, 8)[:, 0, :1])])
