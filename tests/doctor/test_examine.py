import json

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine
from tests.doctor.networks import (
    batches,
    data,
    examine_planted,
    set_statistics,
    sharp_network,
)

pytestmark = pytest.mark.backends


def healthy(model, train, validation):
    return model, train, validation


def stale(model, train, validation):
    set_statistics(model.get_layer("norm"), [1.2, 0.0], [4.0, 1.0])
    return model, train, validation


def averaged(model, train, validation):
    model.compile(keras.optimizers.SGD(use_ema=True), "binary_crossentropy")
    return stale(model, train, validation)


def broken(model, train, validation):
    set_statistics(model.get_layer("norm"), [np.nan, 0.0], [1.0, 1.0])
    return model, train, validation


def negative(model, train, validation):
    set_statistics(model.get_layer("norm"), [0.0, 0.0], [-1.0, 1.0])
    return model, train, validation


def unscaled(model, train, validation):
    train = ((train[0] - 3) / 255, train[1])
    set_statistics(model.get_layer("norm"), train[0].mean(0), train[0].var(0))
    validation = (validation[0] - 3, validation[1])
    return model, train, validation


def exchanged(model, train, validation):
    return model, train, (validation[0], 1 - validation[1])


def ordered(model, train, validation):
    order = np.argsort(train[1])
    return model, (train[0][order], train[1][order]), validation


def leaked(model, train, validation):
    x, y = validation[0].copy(), validation[1].copy()
    x[:64], y[:64] = train[0][:64], train[1][:64]
    return model, train, (x, y)


def dropped(model, train, validation):
    x = train[0] + np.array([3.0, 0.0], "float32")
    model = sharp_network(x, before=[keras.layers.Dropout(0.7, seed=1)])
    second = (x**2).mean(axis=0) / 0.3 - x.mean(axis=0) ** 2
    set_statistics(model.get_layer("norm"), x.mean(axis=0), second)
    shifted = validation[0] + np.array([3.0, 0.0], "float32")
    return model, (x, train[1]), (shifted, validation[1])


@pytest.mark.parametrize(
    ("plant", "verdict"),
    [
        (healthy, "healthy"),
        (stale, "stale_statistics"),
        (averaged, "ema_statistics"),
        (broken, "broken_statistics"),
        (negative, "broken_statistics"),
        (unscaled, "input_mismatch"),
        (exchanged, "label_mismatch"),
        (ordered, "ordered_batches"),
        (leaked, "leakage"),
        (dropped, "dropout_before_norm"),
    ],
)
def test_the_planted_cause_is_the_verdict(plant, verdict):
    assert examine_planted(plant).verdict == verdict


@pytest.mark.parametrize(("wrong", "remains"), [(0, 0.0), (4, 0.25), (3, 0.33)])
def test_what_remains_behind_wrong_validation_inputs_is_judged_too(wrong, remains):
    def planted(model, train, validation):
        x, y = validation[0], validation[1].copy()
        if wrong:
            # The network does not know every fourth or third of these samples.
            y[::wrong] = 1 - y[::wrong]
        return unscaled(model, train, (x, y))

    examination = examine_planted(planted)
    codes = [f.code for f in examination.findings if f.severity == "error"]
    assert codes == ["input_mismatch"] + ["overfitting"] * bool(wrong)
    found = examination.measurements["remains"]
    assert found["accuracy"] == pytest.approx(remains, abs=0.03)
    assert found["interval"][0] < remains < found["interval"][1]


def test_weights_and_statistics_are_as_before():
    train, validation = data(), data(seed=1)
    model = sharp_network(train[0])
    before = [weight.tobytes() for weight in model.get_weights()]
    examine(model, train, validation)
    assert [weight.tobytes() for weight in model.get_weights()] == before


def test_sparse_one_hot_and_binary_labels_give_the_same_losses():
    (x, y), (vx, vy) = data(), data(seed=1)
    model = sharp_network(x)
    inputs = keras.Input((2,))
    fractions = model(inputs)
    both = keras.Model(inputs, keras.layers.Concatenate()([1 - fractions, fractions]))
    hot = np.eye(2, dtype="float32")
    cases = [
        (model, "binary_crossentropy", y, vy),
        (both, "sparse_categorical_crossentropy", y.astype(int), vy.astype(int)),
        (both, "categorical_crossentropy", hot[y.astype(int)], hot[vy.astype(int)]),
    ]
    found = [
        examine(net, (x, labels), (vx, others), loss=loss).losses["D"]
        for net, loss, labels, others in cases
    ]
    # 1 - fraction loses digits in float32 where a fraction is near 1.
    assert found == pytest.approx([found[0]] * 3, rel=1e-3)


def test_without_validation_the_note_says_so():
    x, y = data()
    examination = examine(sharp_network(x), (x, y))
    assert examination.budget is None and "no validation data" in examination.notes[0]


def test_without_compile_the_loss_is_inferred_with_a_note():
    x, y = data()
    model = sharp_network(x)
    model = keras.Model(model.inputs, model.outputs)
    examination = examine(model, (x, y), data(seed=1))
    assert any("inferred" in note for note in examination.notes)


def test_unlabelled_data_give_a_partial_examination():
    x, _ = data()
    examination = examine(sharp_network(x), [x], [data(seed=1)[0]])
    assert examination.verdict == "healthy" and "no labels" in " ".join(
        examination.notes
    )


def test_one_batch_of_each_split_is_enough():
    train, validation = data(8), data(8, seed=1)
    assert examine(sharp_network(train[0]), train, validation).verdict == "healthy"


def test_used_up_generators_are_named():
    x, y = data()
    with pytest.raises(ValueError, match="validation data, received none"):
        examine(sharp_network(x), (x, y), iter([]))


def test_the_json_is_strict_even_where_losses_are_not_numbers():
    text = examine_planted(broken).to_json()
    assert json.loads(text)["losses"]["D"] is None


def test_progress_is_reported():
    x, y = data()
    said = []
    examine(sharp_network(x), batches(x, y), batches(x, y), progress=said.append)
    assert "measuring the loss matrix" in said


def test_the_swap_test_names_a_preparation_that_no_map_repairs():
    (x, y), (vx, vy) = data(), data(seed=1)
    model = sharp_network(x)
    torn = np.where(np.abs(vx) < 1, -vx, vx) * 3
    examination = examine(model, batches(x, y), (torn, vy), swapped=(vx, vy))
    assert examination.verdict == "input_mismatch"
    assert examination.findings[0].evidence["swap_test_saves"] > 0.5


def test_the_swap_test_acquits_the_preparation():
    (x, y), (vx, vy) = data(), data(seed=1)
    examination = examine(
        sharp_network(x), batches(x, y), (vx * 255, vy), swapped=(vx * 255, vy)
    )
    assert examination.verdict != "input_mismatch"


class Counting(keras.layers.Layer):
    """A layer that knows how often Python has called it."""

    calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs


@pytest.mark.thorough
def test_a_layer_that_cannot_be_compiled_is_examined_all_the_same():
    class Stubborn(keras.layers.Layer):
        def call(self, inputs):
            return inputs + float(keras.ops.convert_to_numpy(inputs).sum() * 0)

        def compute_output_shape(self, input_shape):
            return input_shape

    x, y = data()
    inner = sharp_network(x)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.stubborn, self.inner = Stubborn(), inner

        def call(self, inputs, training=None):
            return self.inner(self.stubborn(inputs), training=training)

    model = Model()
    model.compile("sgd", "binary_crossentropy")
    found = examine(model, batches(x, y), data(seed=1))
    assert found.losses == pytest.approx(
        examine(inner, batches(x, y), data(seed=1)).losses, abs=1e-4
    )


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="others run op by op"
)
def test_the_network_is_traced_instead_of_called_batch_by_batch():
    x, y = data()
    counting = Counting()
    model = sharp_network(x, before=[counting])
    calls = counting.calls
    examine(model, batches(x, y), data(seed=1))
    assert counting.calls - calls <= 6
