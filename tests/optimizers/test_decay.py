import keras
import numpy as np
import pytest

from kerasnorm.optimizers.decay import norm_loss_scale, stable_decay_scale
from tests.reference import unit_gradients


@pytest.mark.backends
def test_stable_decay_averages_all_entries_of_all_variables():
    moments = [np.full((3, 2), 4.0, "float32"), np.full((2,), 1.0, "float32")]
    scale = stable_decay_scale([keras.ops.convert_to_tensor(m) for m in moments], 0.5)
    # (6 * 4 + 2 * 1) / 8 entries / 0.5
    np.testing.assert_allclose(float(scale), 1 / np.sqrt(6.5), rtol=1e-6)


@pytest.mark.backends
def test_stable_decay_of_zero_moments_is_finite():
    assert np.isfinite(float(stable_decay_scale([keras.ops.zeros((3,))], 1.0)))


@pytest.mark.backends
@pytest.mark.parametrize(("kind", "axes"), [("dense", (0,)), ("depthwise2d", (0, 1))])
def test_norm_loss_equals_the_reference(kind, axes):
    shape = (3, 2) if kind == "dense" else (2, 2, 3, 2)
    weights = np.random.default_rng(0).standard_normal(shape).astype("float32")
    scale = keras.ops.convert_to_numpy(
        norm_loss_scale(keras.ops.convert_to_tensor(weights), axes, 1e-8)
    )
    expected = unit_gradients.norm_loss_gradient(weights, kind)
    np.testing.assert_allclose(scale * weights, expected, rtol=1e-5, atol=1e-6)


def test_norm_loss_is_the_gradient_of_its_penalty():
    weights = np.random.default_rng(0).standard_normal((4, 3))
    penalty = lambda w: np.sum((1 - np.linalg.norm(w, axis=0)) ** 2)  # noqa: E731
    numeric = np.zeros_like(weights)
    for index in np.ndindex(weights.shape):
        bump = np.zeros_like(weights)
        bump[index] = 1e-6
        numeric[index] = (penalty(weights + bump) - penalty(weights - bump)) / 2e-6
    expected = 2 * unit_gradients.norm_loss_gradient(weights, "dense")
    np.testing.assert_allclose(numeric, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.backends
def test_a_unit_of_zeros_stays_zero():
    weights = keras.ops.zeros((3, 2))
    assert not np.any(
        keras.ops.convert_to_numpy(norm_loss_scale(weights, (0,), 1e-8) * weights)
    )
