import random

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight
from kerasnorm.doctor.forward.state import all_variables, restored_after
from tests.doctor.networks import data, sharp_network

pytestmark = pytest.mark.backends


def values(model):
    return [
        np.asarray(keras.ops.convert_to_numpy(v)).tobytes()
        for v in all_variables(model)
    ]


def trained():
    x, y = data(64)
    model = sharp_network(x, before=[keras.layers.Dropout(0.5)])
    model.fit(x, y, epochs=1, verbose=0)
    return model, x, y


@pytest.mark.thorough
def test_everything_is_as_before_after_training():
    model, x, y = trained()
    before = values(model)
    with restored_after(model):
        model.fit(x, y, epochs=1, verbose=0)
        changed = values(model)
    assert values(model) == before != changed


@pytest.mark.thorough
def test_everything_is_as_before_after_an_exception():
    model, x, y = trained()
    before = values(model)
    with pytest.raises(RuntimeError, match="stop"), restored_after(model):
        model.fit(x, y, epochs=1, verbose=0)
        raise RuntimeError("stop")
    assert values(model) == before


def test_statistics_that_are_not_numbers_return_as_they_were():
    model, x, _ = trained()
    model.get_layer("norm").moving_mean.assign(np.full(x.shape[1], np.nan, "float32"))
    before = values(model)
    with restored_after(model):
        model.get_layer("norm").moving_mean.assign(np.zeros(x.shape[1], "float32"))
    assert values(model) == before


def test_global_random_generators_are_as_before():
    model, _, _ = trained()
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    with restored_after(model):
        random.random()
        np.random.rand()
    assert (random.random(), np.random.rand()) == expected


@pytest.mark.parametrize("act", [preflight, examine], ids=["preflight", "examine"])
def test_a_new_sequence_of_layers_stays_open_to_batches_of_any_size(act):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(32, 4, 4, 1)).astype("float32")
    y = np.arange(32) % 2
    act(model, (x, y), *[(x[:16], y[:16])] * (act is examine))
    assert model.input_shape == (None, 4, 4, 1)
