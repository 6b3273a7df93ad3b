"""Verdicts that the wiring of the model or the optimizer decides."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.measure import collect
from tests.doctor.networks import batches, data, rings, set_statistics, sharp_network

pytestmark = pytest.mark.backends
L = keras.layers


def examined(model, size=32):
    samples = 128 if size > 2 else 64
    return examine(model, batches(*data(samples), size), batches(*data(64, seed=1)))


def test_batches_of_two_are_small():
    assert examined(sharp_network(data()[0]), 2).verdict == "small_batch"


def test_accumulated_batches_of_two_are_named_so():
    model = sharp_network(data()[0])
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=4)
    model.compile(optimizer, "binary_crossentropy")
    assert examined(model, 2).verdict == "gradient_accumulation"


def test_batches_of_one_are_named_so():
    assert examined(sharp_network(data()[0]), 1).verdict == "single_sample_batch"


def nested(**call):
    inner = sharp_network(data()[0])
    set_statistics(inner.get_layer("norm"), [1.2, 0.0], [4.0, 1.0])
    inputs = keras.Input((2,))
    model = keras.Model(inputs, inner(inputs, **call))
    model.compile("sgd", "binary_crossentropy")
    return model, inner


def test_stale_statistics_under_a_flag_are_blamed_on_the_flag():
    assert examined(nested(training=False)[0]).verdict == "training_flag_overridden"


def test_stale_statistics_in_a_frozen_base_are_blamed_on_unfreezing():
    model, inner = nested()
    inner.get_layer("head").trainable = False
    assert examined(model).verdict == "unfrozen_norm_in_frozen_base"


def test_freezing_after_fitting_is_found():
    model = sharp_network(data()[0])
    model.fit(*data(32), verbose=0)
    model.get_layer("head").trainable = False
    assert examined(model).verdict == "freeze_without_recompile"


@pytest.mark.thorough
def test_a_shared_norm_is_blamed_where_it_costs():
    x, y = data()
    norm, inputs = L.BatchNormalization(name="shared"), keras.Input((4,))
    near, far = inputs[:, :2], inputs[:, 2:]
    head = L.Dense(1, activation="sigmoid")
    model = keras.Model(inputs, head(L.Concatenate()([norm(near), norm(far)])))
    kernel = np.array([[6.0], [0.0], [0.0], [0.0]], "float32")
    head.set_weights([kernel, np.zeros(1, "float32")])
    model.compile("sgd", "binary_crossentropy")

    def views(x):
        return np.concatenate([x, 0.05 * x[:, ::-1] + 8], axis=1)

    both = np.concatenate([views(x)[:, :2], views(x)[:, 2:]])
    set_statistics(norm, both.mean(axis=0), both.var(axis=0))
    validation_x, validation_y = data(seed=1)
    found = examine(
        model, batches(views(x), y), batches(views(validation_x), validation_y)
    )
    assert found.verdict == "domain_shift"


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 1.0])
def test_samples_of_training_in_validation_are_leakage(fraction):
    x, y = data()
    other = data(seed=1)
    shared = int(fraction * len(x))
    validation = [
        np.concatenate([a[:shared], b[shared:]])
        for a, b in ((x, other[0]), (y, other[1]))
    ]
    found = examine(
        sharp_network(x), batches(x, y), batches(*validation), thorough=False
    )
    assert [(f.code, f.severity) for f in found.findings] == [("leakage", "error")]


def test_what_makes_equal_splits_differ_comes_before_their_leakage():
    x, y = data()
    model = sharp_network(x)
    norm = model.get_layer("norm")
    set_statistics(norm, x.mean(axis=0) + 3, x.var(axis=0))
    found = examine(model, batches(x, y), batches(x, y))
    assert [f.code for f in found.findings][:2] == ["stale_statistics", "leakage"]


@pytest.mark.thorough
def test_too_high_a_rate_is_found_by_trying_a_lower_one():
    hidden = [L.Dense(32, activation="relu") for _ in range(2)]
    model = keras.Sequential(
        [keras.Input((4,)), *hidden, L.Dense(1, activation="sigmoid")]
    )
    model.compile(keras.optimizers.Adam(3.0), "binary_crossentropy", jit_compile=False)
    model.set_weights([weight * 0 for weight in model.get_weights()])
    found = examine(model, rings(0), rings(1), seconds=60)
    assert found.verdict == "learning_rate_too_high"


def test_labels_beyond_the_outputs_are_named_and_nothing_is_guessed():
    model = keras.Sequential([keras.Input((2,)), L.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data()
    found = examine(model, (x, y + 1), (x, y))
    assert found.verdict == "label_mismatch" and found.budget is None


@pytest.mark.thorough
def test_weights_that_are_not_numbers_are_named():
    model = sharp_network(data()[0])
    model.get_layer("head").bias.assign([np.nan])
    assert examined(model).verdict == "learning_rate_too_high"


@pytest.mark.parametrize("knows", [True, False])
def test_of_a_network_that_knows_nothing_the_rate_is_tried_first(monkeypatch, knows):
    asked = []
    for name in ("try_learning_rates", "compare_splits", "estimate_label_noise"):
        probe = getattr(collect, name)

        def watched(*args, name=name, probe=probe, **settings):
            asked.append(name)
            return None if name == "try_learning_rates" else probe(*args, **settings)

        monkeypatch.setattr(collect, name, watched)
    model = sharp_network(data()[0], slope=4.0 if knows else 0.0)
    examined(model)
    expected = ["compare_splits", "estimate_label_noise"]
    assert asked == ["try_learning_rates"] * (not knows) + expected


def test_suspects_are_asked_of_the_network_under_repaired_statistics(monkeypatch):
    answers = []

    def asking(train, validation, seconds, network):
        answers.append([network(train, "training"), network(validation, "validation")])

    monkeypatch.setattr(collect, "estimate_label_noise", asking)
    for mean in (None, [9.0, 0.0]):
        model = sharp_network(data()[0])
        if mean is not None:
            set_statistics(model.get_layer("norm"), mean, [4.0, 1.0])
        examined(model)
    for right, repaired in zip(*answers, strict=True):
        assert right.shape[1] == 2 and right.max() <= 0
        np.testing.assert_allclose(np.exp(repaired), np.exp(right), atol=0.1)
