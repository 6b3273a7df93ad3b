"""The tf.data pipeline of ImageDataGenerator's iterators."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnorm.data.pipelines.numpy_function_shutdown import safe_at_exit
from kerasnorm.data.pipelines.parallel_tf import map_in_parallel, without_autograph


def dataset(iterator: Any, first_step: int | None = None) -> tf.data.Dataset:
    """Return batches of an iterator, made in parallel and in their fixed order.

    Args:
        iterator: A ImageIterator.
        first_step: None: one epoch, and each pass over the dataset is the next one. A
            number: endless, from that batch on.

    Returns:
        Dataset with the structure of the iterator's batches.
    """
    steps = len(iterator)
    example = keras.tree.map_structure(
        np.asarray, iterator.make(0, np.zeros(1, np.int64))
    )
    leaves = keras.tree.flatten(example)

    @safe_at_exit
    def make(step: np.int64):
        # One thread: as many batches as there are processors are made side by side.
        epoch, index = divmod(int(step), steps)
        return keras.tree.flatten(iterator.batch(epoch, index, threads=1))

    def batch(step):
        parts = tf.numpy_function(make, [step], [leaf.dtype for leaf in leaves])
        for part, leaf in zip(parts, leaves, strict=True):
            part.set_shape([None, *leaf.shape[1:]])
        return keras.tree.pack_sequence_as(example, parts)

    if first_step is not None:
        later = tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
        return map_in_parallel(later, batch)
    passes = iter(range(iterator.epoch, np.iinfo(np.int64).max))

    next_pass = safe_at_exit(lambda: np.int64(next(passes)))

    def next_epoch(_):
        # Runs once for each pass over the dataset.
        return tf.numpy_function(next_pass, [], tf.int64)

    numbers = (
        tf.data.Dataset.range(1)
        .map(without_autograph(next_epoch))
        .flat_map(
            without_autograph(
                lambda epoch: tf.data.Dataset.range(epoch * steps, (epoch + 1) * steps)
            )
        )
    )
    return map_in_parallel(numbers, batch).apply(
        tf.data.experimental.assert_cardinality(steps)
    )
