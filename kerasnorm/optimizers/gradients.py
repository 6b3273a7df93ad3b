"""Which axes make up one unit of a variable, and gradient operations by unit.

A unit is what one output of a layer sees: a row of incoming weights of a neuron, a
filter of a convolution. Everything that works by unit takes its axes from here.
"""

import math
from collections.abc import Sequence

import keras
from keras import ops

from kerasnorm.optimizers.variable_layers import find_variable_layers

_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_TRANSPOSED = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
)
_PLAIN = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
KERNEL_LAYERS = (
    *_PLAIN,
    *_DEPTHWISE,
    *_TRANSPOSED,
    keras.layers.EinsumDense,
    keras.layers.Embedding,
)
# One number or a few for each output, whatever their shape: GRU has a bias of two rows,
# PReLU a slope for each pixel.
_VECTOR_NAMES = ("bias", "alpha", "gamma", "beta", "gain", "tau")
# A norm below this is taken for it, so that a zero gradient divides nothing by zero.
_SMALLEST_NORM = 1e-6


def unit_axes(variable, owner: keras.layers.Layer | None) -> tuple[int, ...] | None:
    """Say over which axes one unit of a variable extends.

    | variable | shape | axes |
    | --- | --- | --- |
    | Dense kernel | (inputs, outputs) | (0,) |
    | Conv2D kernel | (height, width, inputs, outputs) | (0, 1, 2) |
    | DepthwiseConv2D kernel | (height, width, channels, multiplier) | (0, 1) |
    | Conv2DTranspose kernel | (height, width, outputs, inputs) | (0, 1, 3) |
    | SeparableConv2D | depthwise, then pointwise kernel | (0, 1), then (0, 1, 2) |
    | EinsumDense kernel | as its equation says | the axes summed away |
    | Embedding | (words, features) | (1,): each word is a unit |
    | bias, scale, scalar | (n,), (1, 1, 1, n), () | the whole tensor |

    and likewise in one and three dimensions and in subclasses of these layers.

    Args:
        variable: A Keras variable.
        owner: The layer that owns it, or `None` if that is not known. The variable is
            then judged by its name (`depthwise_kernel`) and by its shape: the last
            axis is the output, and a shape with at most one axis longer than 1 is a
            vector.

    Returns:
        Axes in ascending order, or `None` for the whole tensor.
    """
    ndim = len(variable.shape)
    every_but_output = tuple(range(ndim - 1))
    named_kernel = "kernel" in variable.name
    if is_depthwise(variable, owner):
        return tuple(range(ndim - 2)) if named_kernel else None
    if isinstance(owner, _TRANSPOSED):
        return (*range(ndim - 2), ndim - 1) if named_kernel else None
    if isinstance(owner, keras.layers.EinsumDense) and variable.name == "kernel":
        return _summed_axes(owner.equation)
    if isinstance(owner, keras.layers.Embedding) and ndim == 2:
        # `reverse_embeddings` has a column for each word, as a Dense kernel has.
        return (0,) if "reverse" in variable.name else (1,)
    if variable.name in _VECTOR_NAMES:
        return None
    if owner is not None:
        return every_but_output if named_kernel else None
    is_vector = sum(size > 1 for size in variable.shape) <= 1
    return None if is_vector and not (named_kernel and ndim > 1) else every_but_output


def is_depthwise(variable, owner: keras.layers.Layer | None) -> bool:
    """Say whether a variable filters each channel by itself.

    Args:
        variable: A Keras variable.
        owner: As for `unit_axes`.
    """
    return variable.name == "depthwise_kernel" or isinstance(owner, _DEPTHWISE)


def unit_axes_of(variables: Sequence) -> list[tuple[int, ...] | None]:
    """Say for each variable over which axes its units extend.

    Args:
        variables: Keras variables; `find_variable_layers` looks up their layers.

    Returns:
        One entry of `unit_axes` for each variable.
    """
    owners = find_variable_layers(variables, KERNEL_LAYERS)
    return [unit_axes(variable, owners.get(id(variable))) for variable in variables]


def unit_norm(tensor, axes: tuple[int, ...] | None):
    """Compute the Euclidean norm of each unit.

    Args:
        tensor: Weights or gradient of any shape.
        axes: The axes of a unit, `None` for the whole tensor.

    Returns:
        Norms in at least float32, with `axes` kept at length 1.
    """
    tensor = _at_least_float32(tensor)
    return ops.sqrt(ops.sum(ops.square(tensor), axis=axes, keepdims=True))


def clip_units(gradient, weights, axes, clip_factor: float, epsilon: float):
    """Clip the gradient of each unit to a fraction of the norm of its weights.

    Where `|G_i| > clip_factor * max(|W_i|, epsilon)`, unit i of the gradient becomes
    `G_i * clip_factor * max(|W_i|, epsilon) / |G_i|`; elsewhere it stays as it is.

    Args:
        gradient: Same shape as `weights`.
        weights: The weights before the update.
        axes: The axes of a unit, `None` for the whole tensor.
        clip_factor: Largest allowed ratio of the two norms, above 0.
        epsilon: Smallest norm taken for the weights, above 0, so that a unit of zeros
            can leave zero.

    Returns:
        The clipped gradient in its own dtype, and a boolean tensor that is true for
        each clipped unit.

    Reference:
        Brock et al. 2021, High-performance large-scale image recognition without
        normalization, equation 3, https://arxiv.org/abs/2102.06171.
    """
    limit = clip_factor * ops.maximum(unit_norm(weights, axes), epsilon)
    norm = unit_norm(gradient, axes)
    clipped = norm > limit
    scale = ops.where(clipped, limit / ops.maximum(norm, _SMALLEST_NORM), 1.0)
    scaled = _at_least_float32(gradient) * scale
    return ops.cast(scaled, gradient.dtype), clipped


def centralize(gradient, axes: tuple[int, ...] | None):
    """Subtract from each unit of a gradient its mean.

    Args:
        gradient: Tensor of any shape.
        axes: The axes of a unit; `None` (vectors and scalars) leaves it unchanged.

    Returns:
        The centralized gradient in its own dtype.

    Reference:
        Yong et al. 2020, Gradient centralization, equation 1,
        https://arxiv.org/abs/2004.01461.
    """
    if axes is None:
        return gradient
    precise = _at_least_float32(gradient)
    centered = precise - ops.mean(precise, axis=axes, keepdims=True)
    return ops.cast(centered, gradient.dtype)


def units_in(shape: Sequence[int], axes: tuple[int, ...] | None) -> int:
    """Count the units of a variable.

    Args:
        shape: Shape of the variable.
        axes: The axes of a unit, `None` for the whole tensor.

    Returns:
        How many units there are, at least 1.
    """
    if axes is None:
        return 1
    return math.prod(size for axis, size in enumerate(shape) if axis not in axes)


def make_dense(gradient):
    """Turn a sparse gradient, such as that of an embedding, into a dense one.

    Args:
        gradient: Tensor, or `tf.IndexedSlices`, or a sparse tensor of the backend.

    Returns:
        A tensor.
    """
    if keras.backend.backend() == "tensorflow" and hasattr(gradient, "indices"):
        import tensorflow as tf

        return tf.convert_to_tensor(gradient)
    return ops.convert_to_tensor(gradient, sparse=False)


def fingerprint(weights):
    """Compute a number that changes when weights change, however little.

    The bits are added up as whole numbers, which gives the same in every order; sums
    of floats would depend on how a step is compiled.

    Args:
        weights: Floats of any shape.

    Returns:
        A whole number, a tensor of shape ().
    """
    weights = _at_least_float32(ops.convert_to_tensor(weights))
    bits = ops.view(weights, dtype="int32")
    sums = ops.sum(ops.cast(bits, "int"), axis=tuple(range(len(bits.shape) - 1)))
    # Columns count differently, so that exchanged ones are noticed.
    columns = 2 * ops.arange(math.prod(sums.shape), dtype=sums.dtype) + 1
    return ops.sum(ops.reshape(sums, (-1,)) * columns)


def _summed_axes(equation: str) -> tuple[int, ...]:
    """Axes of the second operand that an einsum equation sums away."""
    inputs, outputs = equation.replace(" ", "").split("->")
    kernel = inputs.split(",")[1].replace("...", "")
    return tuple(axis for axis, letter in enumerate(kernel) if letter not in outputs)


def _at_least_float32(tensor):
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    return ops.cast(tensor, "float32") if dtype in ("float16", "bfloat16") else tensor
