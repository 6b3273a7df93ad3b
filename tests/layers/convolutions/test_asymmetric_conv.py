import keras
import numpy as np
import pytest

from kerasnorm import layers
from tests.layers.differentiate import numpy

GEOMETRIES = [
    {"kernel_size": 3},
    {"kernel_size": 3, "strides": 2},
    {"kernel_size": 5, "strides": 2},
    {"kernel_size": 7, "strides": 3},
    {"kernel_size": 3, "strides": 4},
    {"kernel_size": 3, "strides": (1, 2)},
    {"kernel_size": 3, "strides": 2, "padding": "valid"},
    {"kernel_size": 5, "strides": 3, "padding": "valid"},
    {"kernel_size": 5, "dilation_rate": 2},
    {"kernel_size": 3, "dilation_rate": 2, "padding": "valid"},
]


@pytest.mark.backends
@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("size", [(12, 13), (11, 14)])
def test_the_cross_lies_on_the_middle_of_the_square_windows(geometry, size):
    options = {"padding": "same"} | geometry
    x = np.random.default_rng(1).normal(size=(2, *size, 3)).astype("float32")
    layer = layers.AsymmetricConv2D(4, **options)
    plain = keras.layers.Conv2D(4, **options, use_bias=False)
    y = numpy(layer(x))
    plain.build(x.shape)
    kernel = 0.0
    for convolution, _ in layer.branches:
        part = numpy(convolution.kernel)
        rows, columns = (
            (options["kernel_size"] - length) // 2 for length in part.shape[:2]
        )
        kernel += np.pad(part, ((rows, rows), (columns, columns), (0, 0), (0, 0)))
    # A new batch norm divides by the root of 1 + epsilon.
    plain.kernel.assign(kernel / np.sqrt(1.001))
    assert np.allclose(y, numpy(plain(x)), atol=1e-5)
    assert y.shape == layer.compute_output_shape(x.shape)


@pytest.mark.backends
def test_the_three_kernels_start_different():
    layer = layers.AsymmetricConv2D(4, 3)
    layer.build((None, 8, 8, 3))
    horizontal = numpy(layer.horizontal.kernel).ravel()
    assert not np.allclose(horizontal, numpy(layer.vertical.kernel).ravel())


@pytest.mark.backends
def test_the_activation_follows_the_sum():
    x = np.random.default_rng(1).normal(size=(2, 5, 5, 3)).astype("float32")
    layer = layers.AsymmetricConv2D(4, activation="relu")
    y = numpy(layer(x))
    layer.activation = None
    assert np.array_equal(y, np.maximum(numpy(layer(x)), 0.0))
    assert np.min(numpy(layer(x))) < 0.0


@pytest.mark.backends
def test_training_moves_the_statistics_of_all_three_norms():
    x = np.random.default_rng(1).normal(size=(2, 5, 5, 3)).astype("float32")
    layer = layers.AsymmetricConv2D(4)
    layer(x, training=True)
    for _, norm in layer.branches:
        assert np.all(numpy(norm.moving_variance) != 1.0)
