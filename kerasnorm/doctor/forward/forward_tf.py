"""Compiles a function of a batch for TensorFlow, for batches of every size."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf


def compiled(
    forward: Callable[[Any], Any],
    x: Any,
    shapes: Sequence[tuple[int | None, ...]],
    size: int | None = None,
) -> Callable[[Any], Any]:
    """Return the function as a graph that takes batches like `x` of any size.

    Args:
        forward: Function of a batch of inputs to a nest of tensors.
        x: A batch as a nest of tensors, each (samples, ...).
        shapes: Shape of a sample in each tensor, None for axes of any length.
        size: The only size of the batches, None for any.
    """
    specs = [
        tf.TensorSpec([size, *shape], tensor.dtype)
        for tensor, shape in zip(keras.tree.flatten(x), shapes, strict=True)
    ]
    like = keras.tree.pack_sequence_as(x, specs)
    # Nothing in a layer needs autograph, which costs most of the time of compiling.
    return tf.function(forward, input_signature=(like,), autograph=False)
