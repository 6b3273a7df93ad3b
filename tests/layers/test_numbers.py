"""Every layer at the edges of its numbers; rows are in tests/contract.py."""

import keras
import numpy as np
import pytest

from tests import contract
from tests.layers.differentiate import numpy, outputs_and_gradients
from tests.layers.test_contract import (
    SHAPE,
    built,
    drawn,
    dy_like,
    leading_rows,
    relative_error,
)

pytestmark = [
    pytest.mark.backends,
    pytest.mark.filterwarnings("ignore:.*returns `beta` whatever"),
]
TOLERANCES = {"float16": 4e-3, "bfloat16": 3e-2}


def is_norm(row):
    """Whether the size of the inputs has next to no effect on the outputs."""
    return "Norm" in row.name and row.call != contract.INFERENCE


@leading_rows
@pytest.mark.parametrize("half", TOLERANCES)
def test_weights_and_computation_may_be_in_half_precision(row, half):
    short, full = built(row, SHAPE, dtype=half), built(row, SHAPE)
    # The same numbers in both, such as half precision can hold.
    for one, other in zip(full.weights, short.weights, strict=True):
        if "seed" not in one.path:
            one.assign(keras.ops.cast(other, one.dtype))
    x = np.round(4 * drawn(SHAPE)) / 4
    dy = np.round(4 * dy_like(full, x)) / 4
    expected = outputs_and_gradients(full, x, dy, **row.call)
    ours = outputs_and_gradients(short, x, dy, **row.call)
    assert {w.dtype for w in short.trainable_weights} <= {half}
    assert keras.backend.standardize_dtype(short(x, **row.call).dtype) == half
    for place, (one, other) in enumerate(zip(ours, expected, strict=True)):
        # The gradient of a scalar sums as many rounded numbers as there are inputs.
        of_sums = 1.0 if other.ndim else np.sqrt(x.size)
        terms = of_sums if place > 1 else 0.0
        error = relative_error(one.astype("float32"), other, terms)
        assert error < 2 * TOLERANCES[half]


@pytest.mark.parametrize(
    "row", filter(is_norm, contract.ROWS), ids=lambda row: row.name
)
@pytest.mark.parametrize("half", TOLERANCES)
def test_mixed_precision_takes_inputs_that_half_precision_cannot_hold(row, half):
    mixed, full = built(row, SHAPE, dtype=f"mixed_{half}"), built(row, SHAPE)
    x = 1e5 * drawn(SHAPE)
    assert np.abs(x).max() > np.finfo("float16").max
    expected = numpy(full(x, **row.call))
    ours = mixed(x, **row.call)
    assert keras.backend.standardize_dtype(ours.dtype) == half
    error = relative_error(numpy(ours).astype("float32"), expected)
    assert error < TOLERANCES[half]
    for one, other in zip(mixed.weights, full.weights, strict=True):
        assert relative_error(numpy(one), numpy(other)) < 1e-5


@leading_rows
@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1])
@pytest.mark.parametrize("shape", [(2, 4, 5, 6), (1, 1, 1, 6), (3, 6)])
def test_constant_inputs_have_right_outputs_and_finite_gradients(row, value, shape):
    if len(shape) == 2 and row.inputs is not contract.NORM_INPUTS:
        pytest.skip("the layer takes images")
    layer = built(row, shape)
    x = np.full(shape, value, "float32")
    expected, _ = row.truth(x.astype("float64"), contract.weights_of(layer))
    y, *gradients = outputs_and_gradients(layer, x, dy_like(layer, x), **row.call)
    # The last digit of the inputs, over the root of epsilon. Keras' own batch norm,
    # which asymmetric convolutions hold, does not shift first.
    is_shifted = "Norm" in row.name and not row.name.startswith("BatchNorm")
    terms = max(1.0, value / 100 if is_shifted else 3 * value)
    assert relative_error(y, expected, terms) < 1e-4
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize(
    "row", [r for r in contract.ROWS if "WS" in r.name], ids=lambda row: row.name
)
@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1])
def test_constant_filters_do_nothing(row, value):
    layer = row.make(6, use_bias=False)
    layer.build(SHAPE)
    layer.kernel.assign(np.full(layer.kernel.shape, value, "float32"))
    x = drawn(SHAPE)
    y, *gradients = outputs_and_gradients(layer, x, dy_like(layer, x))
    assert np.all(y == 0.0)
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))
