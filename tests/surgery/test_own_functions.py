"""Models with functions and classes of the user's own that nobody registered."""

import keras
import numpy as np
import pytest

from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.surgery import fold_batch_norm, swap_norm
from tests.marks import thorough_after
from tests.surgery.helpers import infer

L = keras.layers
ops = keras.ops
X = np.random.default_rng(0).normal(size=(8, 6, 4)).astype("float32")


def bent(x):
    return ops.tanh(x) + 0.1 * x


class Halves(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.full(shape, 0.5, dtype=dtype)


class Small(keras.regularizers.Regularizer):
    def __call__(self, x):
        return ops.mean(ops.square(x))

    def get_config(self):
        return {}


class Bounded(keras.constraints.Constraint):
    def __call__(self, w):
        return ops.clip(w, -1, 1)


LAYERS = {
    "activation": lambda: L.Dense(4, activation=bent),
    "lambda": lambda: L.Dense(4, activation=lambda x: ops.sin(x)),
    "activation layer": lambda: L.Activation(bent),
    "initializer": lambda: L.Dense(4, kernel_initializer=Halves()),
    "regularizer": lambda: L.Conv1D(4, 2, kernel_regularizer=Small()),
    "constraint": lambda: L.Dense(4, bias_constraint=Bounded()),
    "recurrent": lambda: L.GRU(4, activation=bent, return_sequences=True),
    "in a loop": lambda: L.TimeDistributed(L.Dense(4, activation=bent)),
    "in a model": lambda: keras.Sequential(
        [keras.Input((6, 4)), L.Dense(4, activation=bent), L.BatchNormalization()]
    ),
}


@pytest.mark.backends
@pytest.mark.parametrize("name", thorough_after(3, LAYERS))
def test_unregistered_functions_are_copied(name):
    own = LAYERS[name]()
    model = keras.Sequential(
        [keras.Input((6, 4)), own, L.Dense(3), L.BatchNormalization()]
    )
    recalibrate_batch_norm(model, [X])
    folded = fold_batch_norm(model)
    assert infer(folded, X) == pytest.approx(infer(model, X), rel=1e-4, abs=1e-5)
    swapped, report = swap_norm(model, "batch_renorm")
    assert report.swaps
    assert infer(swapped, X) == pytest.approx(infer(model, X), rel=1e-4, abs=1e-5)


def words_of(texts):
    import tensorflow as tf

    return tf.strings.split(texts, "|")


def lower(texts):
    import tensorflow as tf

    return tf.strings.lower(texts)


def text_model(**options):
    texts = np.array([["Good|fine", 1], ["bad|Awful", 2], ["fine|bad", 3]])[:, :1]
    layer = L.TextVectorization(output_sequence_length=3, **options)
    layer.adapt(texts)
    inputs = {
        "text": keras.Input((1,), dtype="string", name="text"),
        "number": keras.Input((2,), name="number"),
    }
    hidden = L.Flatten()(L.Embedding(20, 2)(layer(inputs["text"])))
    hidden = L.Concatenate()([hidden, inputs["number"]])
    hidden = L.BatchNormalization()(L.Dense(4)(hidden))
    return keras.Model(inputs, L.Dense(1)(hidden)), texts


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="texts are TensorFlow's"
)
@pytest.mark.parametrize(
    "form", thorough_after(1, ["text as tensor", "number as tensor", "arrays"])
)
@pytest.mark.parametrize(
    "options", [{"split": words_of}, {"standardize": lower}, {}], ids=" ".join
)
def test_texts_and_numbers_side_by_side(options, form):
    model, texts = text_model(**options)
    batch = {"text": texts, "number": X[:3, 0, :2]}
    whole = keras.tree.map_structure(ops.convert_to_tensor, batch)
    for name in ("text", "number"):
        if form == f"{name} as tensor":
            batch[name] = whole[name]
    assert recalibrate_batch_norm(model, [(batch,)]) == 3
    wanted = ops.convert_to_numpy(model(whole))
    for copy in (fold_batch_norm(model), swap_norm(model, "batch_renorm")[0]):
        assert ops.convert_to_numpy(copy(whole)) == pytest.approx(wanted, abs=1e-5)
