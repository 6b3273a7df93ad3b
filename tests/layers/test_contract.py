"""Every layer against every clause of its contract; rows are in tests/contract.py."""

import keras
import numpy as np
import pytest

from tests import contract
from tests.layers.differentiate import numpy, outputs_and_gradients
from tests.reference import differences

BACKEND = keras.backend.backend()
STEP = 1e-4
SHAPE = (4, 4, 5, 6)

# A norm of single numbers says that it returns beta; the one-pixel rows ask for that.
pytestmark = pytest.mark.filterwarnings("ignore:.*returns `beta` whatever")

every_row = pytest.mark.parametrize("row", contract.ROWS, ids=lambda row: row.name)


def drawn(shape, offset=0.5, scale=1.0):
    """Return random numbers of a shape, seeded."""
    numbers = np.random.default_rng(7).normal(size=shape)
    return (offset + scale * numbers).astype("float32")


def built(row, shape, **kwargs):
    """Return the row's layer with weights that are far from their initial values."""
    layer = row.make(shape[row_axis(row, kwargs)], **kwargs)
    layer.build(shape)
    rng = np.random.default_rng(11)
    for weight in layer.weights:
        if "seed" in weight.path:
            continue
        value = numpy(weight) + 0.3 * rng.normal(size=weight.shape)
        weight.assign(np.abs(value) if "variance" in weight.name else value)
    return layer


def row_axis(row, kwargs):
    return 1 if kwargs and kwargs == row.channels_first else -1


def relative_error(ours, truth, terms=0.0):
    """Largest difference, in units of the largest number or of the terms it sums."""
    scale = max(np.max(np.abs(truth), initial=0.0), terms)
    return np.max(np.abs(ours - truth), initial=0.0) / (scale or 1.0)


CASES = [
    pytest.param(row, key, id=f"{row.name}, {key}")
    for row in contract.ROWS
    for key in row.inputs
]


@pytest.mark.backends
@pytest.mark.parametrize(("row", "key"), CASES)
def test_outputs_and_gradients_equal_the_literal_truth(row, key):
    shape, offset, scale = row.inputs[key]
    layer = built(row, shape)
    weights = contract.weights_of(layer)
    trained = [w.path.removeprefix(f"{layer.name}/") for w in layer.trainable_weights]
    x = drawn(shape, offset, scale)
    truth, slope = row.truth(x.astype("float64"), weights)
    dy = np.random.default_rng(13).normal(size=truth.shape).astype("float32")

    def loss(x, *values):
        given = weights | dict(zip(trained, values, strict=True))
        return np.sum(row.truth(x * scale, given)[0] * dy)

    (chosen, dx), *d_weights = differences.gradients(
        loss, [x.astype("float64") / scale, *(weights[k] for k in trained)], STEP
    )
    y, *ours = outputs_and_gradients(layer, x, dy, **row.call)
    assert relative_error(y, truth) < 1e-5
    terms = 0.0 if slope is None else np.max(np.abs(slope)) * np.max(np.abs(dy))
    assert relative_error(ours[0].reshape(-1)[chosen], dx / scale, terms) < 1e-5
    for name, one, (chosen, expected) in zip(trained, ours[1:], d_weights, strict=True):
        # Below 1e-3 the differences are rounding.
        assert relative_error(one.reshape(-1)[chosen], expected, 1e-3) < 1e-5, name
