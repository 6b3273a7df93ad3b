"""A swap behind masks: the report says so exactly where padding moves predictions."""

import keras
import numpy as np
import pytest

from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.surgery import swap_norm
from tests.marks import thorough_after

L = keras.layers
STEPS, CHANNELS = 6, 4
MADE = [
    name
    for name in NORM_KINDS
    # A model is not swapped for what it has, and Keras synchronizes on TensorFlow only.
    if name not in ("batch", "sync_batch")
]


def masking():
    return L.Masking()


def norm():
    return L.BatchNormalization(name="norm")


def plain():
    inputs = keras.Input((None, CHANNELS))
    return keras.Model(inputs, L.Dense(2)(norm()(masking()(inputs))))


def in_a_network():
    inner = keras.Sequential([keras.Input((None, CHANNELS)), norm()])
    inputs = keras.Input((None, CHANNELS))
    return keras.Model(inputs, L.Dense(2)(inner(masking()(inputs))))


def of_words():
    inputs = keras.Input((None,), dtype="int32")
    words = L.Embedding(9, CHANNELS, mask_zero=True)(inputs)
    return keras.Model(inputs, L.Dense(2)(norm()(words)))


def convolved():
    """The convolution drops the mask, the padded steps stay."""
    inputs = keras.Input((None, CHANNELS))
    hidden = L.Conv1D(CHANNELS, 1)(masking()(inputs))
    return keras.Model(inputs, L.Dense(2)(norm()(hidden)))


def after_pooling():
    inputs = keras.Input((None, CHANNELS))
    hidden = L.GlobalAveragePooling1D()(masking()(inputs))
    return keras.Model(inputs, L.Dense(2)(norm()(hidden)))


def without():
    inputs = keras.Input((None, CHANNELS))
    return keras.Model(inputs, L.Dense(2)(norm()(inputs)))


def pooled():
    inputs = keras.Input((None, CHANNELS))
    hidden = norm()(masking()(inputs))
    return keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling1D()(hidden)))


MODELS = (plain, in_a_network, of_words, pooled, convolved, after_pooling, without)


def sample(model, steps, padding):
    draw = np.random.default_rng(0)
    if model.inputs[0].dtype == "int32":
        x = draw.integers(1, 9, (3, steps))
        return np.pad(x, [(0, 0), (0, padding)])
    x = draw.normal(size=(3, steps, CHANNELS)).astype("float32")
    return np.pad(x, [(0, 0), (0, padding), (0, 0)])


def predict(model, padding):
    outputs = np.asarray(model(sample(model, STEPS, padding), training=False))
    return outputs[:, :STEPS] if outputs.ndim == 3 else outputs


@pytest.mark.parametrize("to", thorough_after(3, MADE))
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_report_says_where_padding_moves_predictions(make, to):
    model = make()
    swapped, report = swap_norm(model, to, batch=sample(model, STEPS, 2))
    short, long = (predict(swapped, padding) for padding in (1, 5))
    moves = not np.allclose(short, long, rtol=1e-4, atol=1e-5)
    notes = " ".join(report.notes)
    if make is without:
        # Nothing is padding there.
        assert "padding" not in notes
    else:
        assert ("moves its predictions" in notes) == moves
    refused = make in (plain, of_words, pooled) and to == "ghost_batch"
    assert ("refuses in training" in notes) == refused
