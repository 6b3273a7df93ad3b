"""Surgery on models whose weights or computations are in half precision."""

import keras
import numpy as np
import pytest

from kerasnorm import layers, surgery
from kerasnorm.norm_kinds import NORM_KINDS
from tests.marks import thorough_after
from tests.surgery.helpers import images, shake

pytestmark = pytest.mark.backends
# A few roundings of each layer, relative to the largest prediction.
TOLERANCES = {
    "float16": 4e-3,
    "mixed_float16": 4e-3,
    "bfloat16": 4e-2,
    "mixed_bfloat16": 4e-2,
}
HAS_SYNC = keras.config.backend() == "tensorflow"
TARGETS = [
    name
    for name in NORM_KINDS
    if name != "batch" and (HAS_SYNC or name != "sync_batch")
]
SAME_IN_INFERENCE = ("sync_batch", "batch_renorm", "ghost_batch", "none")
every_policy = pytest.mark.parametrize("policy", thorough_after(1, TOLERANCES))


def wide(value):
    return np.array(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32")))


def network(policy, asymmetric=False):
    first = layers.AsymmetricConv2D if asymmetric else keras.layers.Conv2D
    return shake(
        keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                first(6, 3, dtype=policy),
                keras.layers.BatchNormalization(dtype=policy),
                keras.layers.ReLU(dtype=policy),
                keras.layers.DepthwiseConv2D(3, use_bias=False, dtype=policy),
                keras.layers.BatchNormalization(scale=False, dtype=policy),
                keras.layers.GlobalAveragePooling2D(dtype=policy),
                keras.layers.Dense(2, dtype=policy),
            ]
        )
    )


def dtypes(model):
    # Our batch norms keep the moving statistics in float32.
    trained = model.trainable_weights
    weights = {keras.backend.standardize_dtype(w.dtype) for w in trained}
    return weights, keras.backend.standardize_dtype(model.outputs[0].dtype)


def assert_close(new, model, tolerance):
    expected, received = (wide(m(images(), training=False)) for m in (model, new))
    assert np.abs(received - expected).max() < tolerance * np.abs(expected).max()
    assert dtypes(new) == dtypes(model)


@every_policy
@pytest.mark.parametrize("change", ["fold_batch_norm", "fuse_asymmetric"])
def test_predictions_and_dtypes_stay(policy, change):
    model = network(policy, asymmetric=change == "fuse_asymmetric")
    assert_close(getattr(surgery, change)(model), model, TOLERANCES[policy])


@every_policy
@pytest.mark.parametrize("to", thorough_after(3, TARGETS[::-1]))
def test_every_norm_takes_the_place(policy, to):
    model = network(policy)
    new, _ = surgery.swap_norm(model, to)
    assert dtypes(new) == dtypes(model)
    assert np.isfinite(wide(new(images(), training=False))).all()
    if to in SAME_IN_INFERENCE:
        assert_close(new, model, TOLERANCES[policy])
    new.compile("sgd", "mse", run_eagerly=True)
    assert np.isfinite(new.train_on_batch(images(), np.zeros((4, 2))))


def recalibrated(model, scale=1.0):
    batches = [scale * images(8, seed=seed) for seed in (1, 2)]
    surgery.recalibrate_batch_norm(model, [(batch,) for batch in batches])
    return [wide(w) for w in model.weights if "moving" in w.path]


@every_policy
def test_statistics_are_those_of_single_precision(policy):
    model, single = network(policy), network("float32")
    single.set_weights([wide(weight) for weight in model.weights])
    for ours, truth in zip(recalibrated(model), recalibrated(single), strict=True):
        error = np.abs(ours - truth).max() / np.abs(truth).max()
        assert error < TOLERANCES[policy]


def test_statistics_beyond_float16_are_refused_and_the_model_stays():
    model = network("float16")
    before = [wide(weight) for weight in model.weights]
    with pytest.raises(ValueError, match=r"within float16.*mixed_float16"):
        recalibrated(model, scale=1000.0)
    for weight, value in zip(model.weights, before, strict=True):
        assert np.array_equal(wide(weight), value)
    # Single-precision statistics hold them.
    mixed = recalibrated(network("mixed_float16"), scale=1000.0)
    assert all(np.isfinite(value).all() for value in mixed)
    assert max(value.max() for value in mixed) > 65504
