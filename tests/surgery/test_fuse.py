import keras
import numpy as np
import pytest

from kerasnorm.layers import AsymmetricConv2D
from kerasnorm.models import convnet, resnet
from kerasnorm.surgery import fold_batch_norm, fuse_asymmetric
from tests.marks import thorough
from tests.surgery.helpers import conv_bn_relu, infer, kinds, shake

pytestmark = pytest.mark.backends


def images(size, channels=4):
    generator = np.random.default_rng(0)
    return generator.normal(size=(2, size, size, channels)).astype("float32")


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": 2, "padding": "valid"},
        {"groups": 2},
        {"kernel_size": 5, "strides": 3},
        thorough({"strides": 2}),
        thorough({"padding": "valid"}),
        thorough({"dilation_rate": 2}),
        thorough({"activation": "relu"}),
    ],
    ids=str,
)
def test_the_fused_layer_is_a_plain_convolution_with_equal_outputs(options, size):
    layer = AsymmetricConv2D(6, **options)
    model = shake(keras.Sequential([keras.Input((size, size, 4)), layer]))
    fused = fuse_asymmetric(model)
    assert type(fused.layers[0]) is keras.layers.Conv2D
    expected = infer(model, images(size))
    assert np.allclose(infer(fused, images(size)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        lambda: convnet((32, 32, 3), 4, asymmetric=True),
        lambda: resnet((32, 32, 3), 4, 8, version=2, asymmetric=True),
    ],
    ids=["convnet", "resnet_v2"],
)
def test_asymmetric_networks_fuse_to_plain_ones(model):
    model = shake(model())
    fused = fuse_asymmetric(model)
    assert not any(isinstance(x, AsymmetricConv2D) for x in fused.layers)
    x = 127 + 60 * images(32, 3)
    assert np.allclose(infer(fused, x), infer(model, x), atol=1e-5)


@pytest.mark.thorough
def test_fusing_and_folding_leaves_no_norm():
    fused = fuse_asymmetric(shake(convnet((32, 32, 3), 4, asymmetric=True)))
    assert kinds(fold_batch_norm(fused)) == []


def test_a_model_without_asymmetric_convolutions_is_refused():
    with pytest.raises(ValueError, match="without any"):
        fuse_asymmetric(conv_bn_relu())
