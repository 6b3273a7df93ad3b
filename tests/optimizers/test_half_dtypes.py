"""Every optimizer on weights that are in half precision themselves."""

import keras
import numpy as np
import pytest

from tests.marks import thorough_after
from tests.optimizers.test_compiled_models import PUBLIC, X, Y, attached, make

pytestmark = pytest.mark.backends
# Two updates of about 0.01 each, on weights below 2 that have so many digits.
TOLERANCES = {"float16": 4e-3, "bfloat16": 3e-2}


def trained(cls, dtype):
    keras.utils.set_random_seed(7)
    layer = keras.layers.Dense(3, dtype=dtype, kernel_initializer="glorot_normal")
    model = keras.Sequential([keras.Input((3,)), layer])
    rounded = np.random.default_rng(5).normal(size=(3, 3)).astype("float16")
    layer.kernel.assign(np.round(8 * rounded) / 8)
    optimizer = make(cls, variables=len(model.trainable_variables))
    model.compile(optimizer, "mse", run_eagerly=True, jit_compile=False)
    attached(model)
    for _ in range(2):
        model.train_on_batch(X, Y)
    return [
        keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32"))
        for weight in model.weights
    ], {keras.backend.standardize_dtype(weight.dtype) for weight in model.weights}


@pytest.mark.parametrize("half", TOLERANCES)
@pytest.mark.parametrize("cls", thorough_after(2, PUBLIC))
def test_weights_in_half_precision_take_the_same_updates(cls, half):
    weights, dtypes = trained(cls, half)
    expected, _ = trained(cls, "float32")
    assert dtypes == {half}
    for ours, theirs in zip(weights, expected, strict=True):
        assert np.isfinite(ours).all()
        assert np.abs(ours - theirs).max() < TOLERANCES[half]
