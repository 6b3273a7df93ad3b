"""Counts the multiply-adds of one forward pass."""

import keras
import numpy as np

from kerasnorm.inspection import layer_tree
from kerasnorm.inspection.patched_calls import patched_calls

TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)


def count_multiply_adds(
    model: keras.Model, input_shape: tuple[int, ...] | None = None
) -> int:
    """Count the multiply-adds of convolutions and dense layers for one sample.

    Use it to compare networks before training them: on a CPU the time of a step
    follows this number. Norms, activations and pooling are not counted; layers that
    are called twice are counted twice. Runs the model once on zeros.

    Args:
        model: A built model with one input.
        input_shape: (height, width, channels) of one sample. Default: the model's own
            input shape, which must then be fully known.

    Returns:
        Number of multiply-adds; floating-point operations are about twice as many.

    Raises:
        ValueError: If the shape of one sample is not known.

    Example:
        >>> count_multiply_adds(convnet((80, 80, 3), 2)) / 1e6
    """
    shape = tuple(input_shape or model.input_shape[1:])
    if None in shape:
        raise ValueError(
            "Expected a model whose input shape is fully known, or `input_shape`. "
            f"Received: {shape}. Pass for example `input_shape=(224, 224, 3)`."
        )
    counts: list[int] = []

    def count(original, inputs, *args, **kwargs):
        outputs = original(inputs, *args, **kwargs)
        counts.append(_count_call(original.__self__, inputs, outputs))
        return outputs

    counted = {
        layer: count for _, layer in layer_tree.iter_layers(model) if _kernels(layer)
    }
    with patched_calls(counted):
        model(np.zeros((1, *shape), "float32"), training=False)
    return sum(counts)


def _kernels(layer):
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    return [k for k in (getattr(layer, n, None) for n in names) if k is not None]


def _count_call(layer, inputs, outputs):
    kernels = _kernels(layer)
    if isinstance(layer, keras.layers.Dense):
        positions = inputs.shape[:-1]
    else:
        # Every weight of a kernel is used once for each pixel of the smaller side.
        map_shape = inputs.shape if isinstance(layer, TRANSPOSED) else outputs.shape
        positions = (
            map_shape[1:-1] if layer.data_format == "channels_last" else map_shape[2:]
        )
    return sum(int(np.prod(positions)) * int(np.prod(k.shape)) for k in kernels)
