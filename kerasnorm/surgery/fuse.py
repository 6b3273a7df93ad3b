"""Fuses asymmetric convolutions into plain ones, for inference."""

from typing import Any

import keras
import numpy as np

from kerasnorm import layers
from kerasnorm.inspection import layer_tree
from kerasnorm.surgery import affine
from kerasnorm.surgery.copier import RewritePlan
from kerasnorm.surgery.rebuild import compile_like, rebuild


def fuse_asymmetric(model: keras.Model) -> keras.Model:
    """Return a copy of a model whose `AsymmetricConv2D` are plain convolutions.

    Each of the three branches is a convolution and, in inference, a scale and shift;
    all three are linear, so their sum is one convolution: the cross kernels are added
    to the middle row and the middle column of the square one. The copy is for
    prediction: training it further would continue with less than what was trained.

    Args:
        model: Any built Keras model; it is not changed.

    Returns:
        A new model with predictions equal up to rounding, compiled if the given one
        was.

    Raises:
        ValueError: If the model holds no `AsymmetricConv2D`, or cannot be copied.

    Example:
        >>> fast = fuse_asymmetric(convnet((80, 80, 3), 2, asymmetric=True))

    Reference:
        Ding et al. 2019, https://arxiv.org/abs/1908.03930.
    """
    found = [
        layer
        for _, layer in layer_tree.iter_layers(model)
        if isinstance(layer, layers.AsymmetricConv2D)
    ]
    if not found:
        raise ValueError(
            "Expected a model with at least one AsymmetricConv2D. Received: a model "
            "without any."
        )
    plain = {layer: _make_plain(layer) for layer in found}
    rebuilt = rebuild(model, RewritePlan(plain))
    for layer, new in plain.items():
        kernel, bias = fuse_branches(layer)
        new.kernel.assign(kernel.astype("float32"))
        new.bias.assign(bias.astype("float32"))
    compile_like(model, rebuilt.model)
    return rebuilt.model


def fuse_branches(layer: layers.AsymmetricConv2D) -> tuple[np.ndarray, np.ndarray]:
    """Add up the branches of an asymmetric convolution.

    Args:
        layer: The built layer.

    Returns:
        Kernel of shape (size, size, channels / groups, filters) and bias of shape
        (filters,), in float64.
    """
    middle = layer.kernel_size[0] // 2
    places = (slice(None), slice(middle, middle + 1))
    # The square kernel, the middle row, the middle column.
    regions = ((places[0], places[0]), places[::-1], places)
    kernel = np.zeros(layer.square.kernel.shape)
    bias = np.zeros(layer.filters)
    for (convolution, norm), region in zip(layer.branches, regions, strict=True):
        factor, offset = affine.read_batch_norm(norm)
        branch = keras.ops.convert_to_numpy(convolution.kernel).astype("float64")
        kernel[region] += branch * factor
        bias += offset
    return kernel, bias


def _make_plain(layer: Any) -> keras.layers.Conv2D:
    return keras.layers.Conv2D(
        layer.filters,
        layer.kernel_size,
        layer.strides,
        layer.padding,
        data_format=layer.data_format,
        dilation_rate=layer.dilation_rate,
        groups=layer.groups,
        activation=layer.activation,
        kernel_regularizer=layer.kernel_regularizer,
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
