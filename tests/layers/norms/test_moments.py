import keras
import numpy as np
import pytest

from kerasnorm.layers.norms import moments
from tests.layers.differentiate import numpy


@pytest.mark.backends
@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.normal(size=(2, 96, 3, 1)),
        lambda rng: rng.normal(size=(2, 96, 3, 1)) + 1e5,
        # The shift is taken from the first pixels: here they are nothing like the rest.
        lambda rng: (
            np.where(np.arange(96) < 6, 1e4, 0.0)[None, :, None, None]
            + rng.normal(size=(2, 96, 3, 1))
        ),
        lambda rng: np.full((2, 97, 3, 1), 1234.567),
        lambda rng: rng.normal(size=(2, 1, 3, 40)) - 1e4,
        lambda rng: rng.normal(size=(2, 5, 3, 7)),
    ],
    ids=["plain", "offset", "odd beginning", "constant", "channels first", "middle"],
)
def test_moments_are_exact(make):
    x = make(np.random.default_rng(1)).astype("float32")
    pixels, stats = moments.take_moments(keras.ops.convert_to_tensor(x))
    wide = x.astype("float64")
    mean = numpy(stats.shift).astype("float64") + numpy(stats.offset)
    digits = 1e-6 * max(1.0, wide.std((1, 3)).max())
    assert np.allclose(mean, wide.mean((1, 3)), rtol=0, atol=digits)
    assert np.allclose(numpy(stats.variance()), wide.var((1, 3)), rtol=1e-5, atol=1e-12)
    assert np.all(numpy(stats.variance()) >= 0.0)
    assert pixels.shape == x.shape


@pytest.mark.backends
def test_no_gradient_flows_through_the_shift():
    x = np.random.default_rng(1).normal(size=(1, 32, 2, 1)).astype("float32")
    pixels, _ = moments.take_moments(keras.ops.convert_to_tensor(x))
    again, _ = moments.take_moments(keras.ops.convert_to_tensor(x + 8.0))
    assert np.allclose(numpy(pixels), numpy(again), atol=1e-5)
