"""Checks of the layers' arguments; each raises with what it expected."""

from typing import Any

import keras


def check_axis(axis: Any) -> int:
    """Return `axis`, or raise if it cannot be the axis of the channels."""
    if isinstance(axis, bool) or not isinstance(axis, int) or axis == 0:
        raise ValueError(
            "Expected `axis` to be one integer, the axis of the channels (-1 for "
            "channels last, 1 for channels first) and not the batch axis 0. "
            f"Received: axis={axis!r}."
        )
    return axis


def check_positive(name: str, value: Any) -> float:
    """Return `value`, or raise if it is not a number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ValueError(
            f"Expected `{name}` to be a number above 0, such as 1e-5. "
            f"Received: {name}={value!r}."
        )
    return value


def check_fraction(name: str, value: Any) -> float:
    """Return `value`, or raise if it is not a number from 0 to below 1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1:
        raise ValueError(
            f"Expected `{name}` to be a number from 0 to below 1. "
            f"Received: {name}={value!r}."
        )
    return value


def check_momentum(value: Any) -> float:
    """Return `value`, or raise if it cannot be the momentum of a moving average."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(
            "Expected `momentum`, the part of the old average that each step keeps, "
            f"to be a number from 0 to 1. Received: momentum={value!r}."
        )
    return value


def check_count(name: str, value: Any) -> int:
    """Return `value`, or raise if it is not an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"Expected `{name}` to be an integer of at least 1. "
            f"Received: {name}={value!r}."
        )
    return value


def check_dense(inputs: Any) -> None:
    """Raise for ragged and sparse tensors, which have no pixels to take means over."""
    ragged = hasattr(inputs, "row_splits") or getattr(inputs, "is_nested", False)
    # TensorFlow's, JAX' and torch's sparse tensors; the flags are those of Keras' own.
    sparse = hasattr(inputs, "dense_shape") or hasattr(inputs, "nse")
    sparse = sparse or getattr(inputs, "is_sparse", False)
    if isinstance(inputs, keras.KerasTensor):
        ragged, sparse = inputs.ragged, inputs.sparse
    if ragged or sparse:
        raise ValueError(
            "Expected a dense tensor, in which each sample has as many numbers. "
            f"Received: a {'ragged' if ragged else 'sparse'} tensor of shape "
            f"{tuple(inputs.shape)}. Make it dense before the norm: `to_tensor()` for "
            "ragged ones of TensorFlow, `keras.layers.Dense` or an embedding for "
            "sparse ones."
        )


def channels_of(layer: keras.layers.Layer, input_shape: tuple) -> int:
    """Return the number of channels, or raise if the shape does not tell it."""
    rank = len(input_shape)
    axis = layer.axis
    if rank < 2 or not -rank < axis < rank:
        raise ValueError(
            f"Expected `axis` of {type(layer).__name__} to be one of the axes after "
            f"the batch, 1 to {rank - 1} or {1 - rank} to -1 for an input of rank "
            f"{rank}. Received: axis={axis} with input_shape={tuple(input_shape)}."
        )
    if input_shape[axis] is None:
        raise ValueError(
            f"Expected axis {axis} of the input of {type(layer).__name__}, the "
            "channels, to have a fixed size; give the model an Input with that size. "
            f"Received: input_shape={tuple(input_shape)}."
        )
    return input_shape[axis]
