"""Models, labels and losses of other forms than one output and one class number."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight
from kerasnorm.doctor.probes.overfit_one_batch import find_dead_units
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches, data, sharp_network

pytestmark = pytest.mark.backends
L = keras.layers
ops = keras.ops


def compiled(model, loss, **more):
    model.compile("sgd", loss, jit_compile=False, **more)
    return model


def cut(*parts, size=32):
    count = len(keras.tree.flatten(parts)[0])
    return [
        keras.tree.map_structure(lambda a, i=i: a[i : i + size], parts)
        for i in range(0, count, size)
    ]


def two_outputs(nest):
    inputs = keras.Input((2,))
    hidden = L.BatchNormalization()(L.Dense(4, activity_regularizer="l2")(inputs))
    heads = {
        "a": L.Dense(1, activation="sigmoid", name="a")(hidden),
        "b": L.Dense(1, name="b")(hidden),
    }
    return keras.Model(inputs, heads if nest is dict else list(heads.values()))


LOSSES = {"a": "binary_crossentropy", "b": "mse"}


@pytest.mark.parametrize("nest", [dict, list])
def test_two_outputs_give_the_loss_that_evaluate_reports(nest):
    x, y = data(64)
    labels = {"a": y, "b": x[:, :1]}
    losses = LOSSES
    if nest is list:
        labels, losses = tuple(labels.values()), list(LOSSES.values())
    model = compiled(two_outputs(nest), losses)
    found = examine(model, cut(x, labels), cut(x, labels), thorough=False)
    wanted = keras.tree.map_structure(ops.convert_to_tensor, labels)
    outputs = model(x, training=False)
    seen = sum(
        float(ops.mean(keras.losses.get(loss)(ops.reshape(t, (-1, 1)), o)))
        for loss, t, o in zip(
            LOSSES.values(),
            keras.tree.flatten(wanted),
            keras.tree.flatten(outputs),
            strict=True,
        )
    )
    assert found.losses["D"] == pytest.approx(seen, rel=1e-4)


@pytest.mark.thorough
def test_losses_of_two_outputs_can_be_given_without_compile():
    x, y = data(64)
    labels = {"a": y, "b": x[:, :1]}
    model = two_outputs(dict)
    given = examine(model, cut(x, labels), cut(x, labels), loss=LOSSES)
    same = examine(compiled(model, LOSSES), cut(x, labels), cut(x, labels))
    assert given.losses == pytest.approx(same.losses, rel=1e-4)


def test_one_output_in_a_dictionary_is_one_output():
    (x, y), validation = data(64), data(64, seed=1)
    inner = sharp_network(x)
    inputs = keras.Input((2,))
    model = compiled(
        keras.Model(inputs, {"head": inner(inputs)}), {"head": "binary_crossentropy"}
    )
    labelled = [(a, {"head": b}) for a, b in batches(*validation)]
    found = examine(model, [(a, {"head": b}) for a, b in batches(x, y)], labelled)
    plain = examine(inner, batches(x, y), batches(*validation))
    assert found.losses == pytest.approx(plain.losses, abs=1e-5)


def test_weights_of_each_output_are_taken():
    x, y = data(64)
    labels = {"a": y, "b": x[:, :1]}
    weights = {name: np.full(64, 2.0, "float32") for name in labels}
    model = two_outputs(dict)
    plain = examine(model, cut(x, labels), cut(x, labels), loss=LOSSES)
    twice = examine(
        model, cut(x, labels, weights), cut(x, labels, weights), loss=LOSSES
    )
    assert twice.losses["D"] == pytest.approx(2 * plain.losses["D"], rel=1e-4)


def test_a_loss_of_whole_batches_is_measured_batch_by_batch():
    def mean_of_batch(labels, outputs):
        return ops.mean(ops.binary_crossentropy(labels, outputs))

    (x, y), validation = data(), data(seed=1)
    model = compiled(sharp_network(x), mean_of_batch)
    given = examine(model, batches(x, y), batches(*validation))
    plain = examine(sharp_network(x), batches(x, y), batches(*validation))
    assert given.losses == pytest.approx(plain.losses, rel=1e-4)


def test_a_loss_of_ones_own_may_take_labels_of_any_form():
    def weighted(labels, outputs):
        return ops.mean(ops.square(labels[:, :1] - outputs) * labels[:, 1:2], axis=-1)

    x, y = data()
    packed = np.stack([y, np.ones_like(y), np.ones_like(y)], axis=1)
    found = examine(compiled(sharp_network(x), weighted), (x, packed), (x, packed))
    assert "label_mismatch" not in [f.code for f in found.findings]
    assert found.losses["B"] > 0


def segmenter(outputs, activation):
    return keras.Sequential(
        [
            keras.Input((6, 5, 3)),
            L.Conv2D(4, 3, padding="same"),
            L.BatchNormalization(),
            L.Conv2D(outputs, 1, activation=activation),
        ]
    )


@pytest.mark.parametrize(
    ("outputs", "loss"),
    [(3, "sparse_categorical_crossentropy"), (1, "binary_crossentropy")],
)
def test_maps_of_classes_are_labels(outputs, loss):
    x = np.random.default_rng(0).uniform(size=(32, 6, 5, 3)).astype("float32")
    y = x.argmax(axis=-1) if outputs == 3 else (x[..., 0] > 0.5).astype("float32")
    activation = "softmax" if outputs == 3 else "sigmoid"
    model = compiled(segmenter(outputs, activation), loss)
    found = examine(model, cut(x, y), cut(x, y))
    assert found.losses["D"] == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-4)
    flight = preflight(model, cut(x, y), quick=True)
    assert "label_mismatch" not in [f.code for f in flight.findings]


def test_weights_for_each_place_are_taken():
    x = np.random.default_rng(0).uniform(size=(32, 6, 5, 3)).astype("float32")
    weights = np.random.default_rng(1).uniform(size=(32, 6, 5)).astype("float32")
    model = compiled(segmenter(3, "softmax"), "sparse_categorical_crossentropy")
    parts = cut(x, x.argmax(axis=-1), weights)
    seen = model.evaluate(x, x.argmax(axis=-1), sample_weight=weights, verbose=0)
    assert examine(model, parts, parts).losses["D"] == pytest.approx(seen, rel=1e-4)


def test_a_class_that_the_loss_ignores_is_no_mismatch():
    x, y = data(64)
    y = y.astype(int)
    y[::7] = 255
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=255)
    model = keras.Sequential([keras.Input((2,)), L.Dense(2, activation="softmax")])
    found = examine(compiled(model, loss), [(x, y)], [(x, y)], thorough=False)
    seen = model.evaluate(x, y, batch_size=64, verbose=0)
    assert found.losses["D"] == pytest.approx(seen, rel=1e-4)


@pytest.mark.parametrize("kind", ["int32", "float32"])
def test_numbers_of_words_are_not_mapped(kind):
    generator = np.random.default_rng(0)
    x = generator.integers(9, size=(64, 4)).astype(kind)
    y = generator.integers(2, size=64)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype=kind),
            L.Embedding(9, 4),
            L.Flatten(),
            L.Dense(1, activation="sigmoid"),
        ]
    )
    compiled(model, "binary_crossentropy")
    model.layers[-1].set_weights([w * 30 + 1 for w in model.layers[-1].get_weights()])
    found = examine(model, (x, y * 0 + 1), (x, y), thorough=False)
    assert found.measurements["maps"] == [] and found.losses["D"] > found.losses["B"]


def test_whole_numbers_of_one_output_are_regression():
    x, _ = data()
    y = np.round(20 + 5 * x[:, 0]).astype(int)
    model = keras.Sequential([keras.Input((2,)), L.Dense(1)])
    found = examine(compiled(model, "mse"), (x, y), (x, y), thorough=False)
    assert found.measurements["chance"] is None


@pytest.mark.thorough
def test_losses_of_many_outputs_count_in_their_own_size():
    x, _ = data()
    x = x * np.float32(100)
    labels = (x[:, :1], x[:, 1:])
    model = compiled(two_outputs(list), ["mse", "mse"])
    found = examine(model, cut(x, labels), cut(x, labels), thorough=False)
    # The unit is the loss of the best constant answer.
    assert found.measurements["unit"] == pytest.approx(x.var(axis=0).sum(), rel=1e-4)


def test_layers_in_loops_do_not_stop_the_search_for_dead_units():
    frame = keras.Sequential([L.Dense(4, activation="relu"), L.BatchNormalization()])
    model = keras.Sequential(
        [
            keras.Input((3, 2)),
            L.TimeDistributed(frame),
            L.SimpleRNN(3, activation="relu"),
            L.Dense(4, activation="relu", name="dead"),
        ]
    )
    dead = model.get_layer("dead")
    dead.set_weights([dead.get_weights()[0] * 0, -np.ones(4)])
    x = np.random.default_rng(0).normal(size=(16, 3, 2)).astype("float32")
    assert find_dead_units(model, sample_batches([x]))["dead"] == 1.0


class OwnNorm(L.Layer):
    """Keeps moving statistics, but has no axis."""

    def build(self, shape):
        self.moving_mean = self.add_weight(shape=(1, shape[-1]), trainable=False)
        self.moving_variance = self.add_weight(shape=(1, shape[-1]), trainable=False)

    def call(self, inputs):
        return inputs - self.moving_mean


def test_a_norm_of_another_kind_is_left_alone_with_a_note():
    x, y = data()
    model = keras.Sequential(
        [keras.Input((2,)), OwnNorm(name="own"), L.Dense(1, activation="sigmoid")]
    )
    found = examine(
        compiled(model, "binary_crossentropy"), (x, y), (x, y), thorough=False
    )
    assert any("own keeps moving statistics" in note for note in found.notes)


def test_outputs_beyond_probabilities_are_named_and_measured():
    x, y = data(64)
    head = L.Dense(2, bias_initializer="ones")
    model = compiled(
        keras.Sequential([keras.Input((2,)), head]), "sparse_categorical_crossentropy"
    )
    found = examine(model, cut(x, y), thorough=False)
    assert found.verdict == "label_mismatch"
    assert "from_logits=True" in found.summary
    assert "not_learned" not in {f.code for f in found.findings}
    assert np.isfinite(found.losses["B"])
