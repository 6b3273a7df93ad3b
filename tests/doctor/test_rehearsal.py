"""What a few steps on one batch say of the learning rate."""

import keras
import numpy as np
import pytest

from kerasnorm.doctor import examine, preflight
from tests.doctor.networks import batches, data

pytestmark = pytest.mark.backends


def fly(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    # Compiling takes longer than the usual limit where the machine is busy.
    splits = batches(*data(128)), batches(*data(128, seed=1))
    found = preflight(model, *splits, seconds=200.0)
    return [f for f in found.findings if "one batch" in f.summary]


@pytest.mark.thorough
def test_a_low_rate_that_learns_in_the_end_is_sound():
    # Thirty steps are too few at this rate, sixty are enough.
    assert fly(keras.optimizers.Adam(3e-4)) == []


def test_a_rate_that_learns_nothing_is_named():
    (finding,) = fly(keras.optimizers.SGD(1e-9))
    assert finding.severity == "warning"


def test_a_rate_that_ends_in_no_number_is_named():
    (finding,) = fly(keras.optimizers.SGD(1e30))
    assert not np.isfinite(finding.evidence["end"])


@pytest.mark.thorough
def test_videos_are_examined():
    generator = np.random.default_rng(0)
    y = np.arange(64) % 2
    x = generator.normal(size=(64, 4, 6, 6, 1)) + y[:, None, None, None, None]
    model = keras.Sequential(
        [
            keras.Input((4, 6, 6, 1)),
            keras.layers.Conv3D(2, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    x = x.astype("float32")
    found = examine(model, batches(x[:32], y[:32]), batches(x[32:], y[32:]))
    assert found.budget is not None
    assert not [note for note in found.notes if "could not" in note]
