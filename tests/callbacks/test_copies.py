"""Every callback can be copied with the data it holds, as KerasTuner does."""

import copy

import numpy as np
import pytest

from tests.callbacks.kinds import KINDS, arguments_of

tf = pytest.importorskip("tensorflow")


def pipeline():
    x = np.zeros((8, 3), "float32")
    return tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(4)


def generator():
    yield np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32")


@pytest.mark.parametrize("make", [pipeline, generator])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_copy_has_the_same_data_and_state_of_its_own(kind, make, tmp_path):
    data = make()
    arguments = arguments_of(kind, data, tmp_path)
    callback = kind(**arguments)
    made = copy.deepcopy(callback)
    assert type(made) is kind
    held = [name for name, value in vars(callback).items() if value is data]
    assert bool(held) == any(value is data for value in arguments.values())
    for name in held:
        assert getattr(made, name) is data
    for name, value in vars(callback).items():
        if isinstance(value, dict | list | np.ndarray):
            assert getattr(made, name) is not value
