import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy

ONES = np.ones((2000, 2, 3), "float32")


@pytest.mark.backends
def test_samples_are_kept_whole_or_dropped_whole():
    y = numpy(layers.StochasticDepth(0.4, seed=1)(ONES, training=True))
    per_sample = y.reshape(len(y), -1)
    assert np.all(per_sample == per_sample[:, :1])
    assert np.mean(per_sample[:, 0] == 0.0) == pytest.approx(0.4, abs=0.05)


@pytest.mark.backends
@pytest.mark.parametrize(("rescale", "kept"), [(True, 1 / 0.6), (False, 1.0)])
def test_rescale_keeps_the_average(rescale, kept):
    layer = layers.StochasticDepth(0.4, rescale=rescale, seed=1)
    assert np.max(numpy(layer(ONES, training=True))) == pytest.approx(kept)


@pytest.mark.backends
def test_each_call_draws_anew():
    layer = layers.StochasticDepth(0.4, seed=1)
    first, second = (numpy(layer(ONES, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.backends
def test_the_same_seed_draws_the_same():
    first, second = (
        numpy(layers.StochasticDepth(0.4, seed=1)(ONES, training=True))
        for _ in range(2)
    )
    assert np.array_equal(first, second)


@pytest.mark.backends
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_inference_changes_nothing(rate):
    assert np.array_equal(numpy(layers.StochasticDepth(rate)(ONES)), ONES)
