"""Compiles a function of a batch for TensorFlow, for batches of every size."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def compiled(
    forward: Callable[[Any], Any], x: Any, size: int | None = None
) -> Callable[[Any], Any]:
    """Return the function as a graph that takes batches like `x` of any size.

    Args:
        forward: Function of a batch of inputs to a nest of tensors.
        x: A batch as a nest of tensors, each (samples, ...).
        size: The only size of the batches, None for any.
    """
    like = keras.tree.map_structure(
        lambda t: tf.TensorSpec([size, *t.shape[1:]], t.dtype), x
    )
    # Nothing in a layer needs autograph, which costs most of the time of compiling.
    return tf.function(forward, input_signature=(like,), autograph=False)
