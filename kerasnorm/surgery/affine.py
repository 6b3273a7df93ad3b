"""Turns a layer and the scale and shift behind it into one plain layer."""

from typing import Any

import keras
import numpy as np

from kerasnorm import layers

# How the output channels lie in a kernel, by the exact class: a subclass may compute
# anything with its kernel.
LAST = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)
NEXT_TO_LAST = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
STANDARDIZED = {
    layers.WSConv2D: keras.layers.Conv2D,
    layers.ScaledWSConv2D: keras.layers.Conv2D,
    layers.ScaledWSDepthwiseConv2D: keras.layers.DepthwiseConv2D,
}
# What is a scale and shift of each channel in inference.
AFFINE = (keras.layers.BatchNormalization, layers.ChannelScale)
OWN_OPTIONS = ("epsilon", "gain_initializer")


def read_affine(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return factor and offset per channel of what a layer does in inference.

    Args:
        layer: One of the kinds in `AFFINE`, built.

    Returns:
        Factor and offset in float64, of shape (channels,).
    """
    if isinstance(layer, layers.ChannelScale):
        return _read(layer.gamma, 1.0), _read(layer.beta, 0.0)
    return read_batch_norm(layer)


def read_batch_norm(
    layer: keras.layers.BatchNormalization,
) -> tuple[np.ndarray, np.ndarray]:
    """Return factor and offset per channel of a batch norm in inference.

    Args:
        layer: A built batch norm.

    Returns:
        Factor and offset in float64, of shape (channels,).
    """
    factor = _read(layer.gamma, 1.0) / np.sqrt(
        _read(layer.moving_variance, 1.0) + layer.epsilon
    )
    return factor, _read(layer.beta, 0.0) - _read(layer.moving_mean, 0.0) * factor


def takes_affine(layer: Any, axis: int) -> bool:
    """Return whether a scale and shift behind a layer can be exact inside it.

    Args:
        layer: The layer in front.
        axis: Axis of the channels that are scaled, as in the norm.
    """
    known = (*LAST, *NEXT_TO_LAST, *DEPTHWISE, *SEPARABLE, *STANDARDIZED)
    if type(layer) not in known or not layer.built:
        return False
    if layer.activation is not keras.activations.linear:
        return False
    # Keras keeps quantized and adapted kernels apart from `kernel`.
    if layer.quantization_mode is not None or getattr(layer, "lora_enabled", False):
        return False
    rank = len(layer.get_build_config()["input_shape"])
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return axis % rank == (rank - 1 if last else 1)


def make_folded(
    layer: keras.layers.Layer, factor: np.ndarray, offset: np.ndarray
) -> tuple[keras.layers.Layer, dict[str, np.ndarray]]:
    """Make the layer that computes `factor * layer(x) + offset`.

    Args:
        layer: A layer for which `takes_affine` holds.
        factor: Factor per output channel, of shape (channels,).
        offset: Offset per output channel, of shape (channels,).

    Returns:
        The new layer, not built, and its weights by attribute.
    """
    config = layer.get_config()
    cls = STANDARDIZED.get(type(layer), type(layer))
    if cls is not type(layer):
        config = {key: config[key] for key in config if key not in OWN_OPTIONS}
    new = cls.from_config({**config, "use_bias": True})
    bias = offset if layer.bias is None else offset + _read(layer.bias, 0.0) * factor
    if cls in SEPARABLE:
        return new, {
            "depthwise_kernel": _read(layer.depthwise_kernel, 0.0),
            "pointwise_kernel": _read(layer.pointwise_kernel, 0.0) * factor,
            "bias": bias,
        }
    kernel = _read(
        layer.standardized_kernel() if type(layer) in STANDARDIZED else layer.kernel,
        0.0,
    )
    if cls in NEXT_TO_LAST:
        factor = factor[:, np.newaxis]
    elif cls in DEPTHWISE:
        factor = factor.reshape(kernel.shape[-2:])
    return new, {"kernel": kernel * factor, "bias": bias}


def _read(value: Any, default: float) -> Any:
    if value is None:
        return default
    return keras.ops.convert_to_numpy(value).astype("float64")
