"""Datasets whose parallelism is written down, not searched for while they run."""

from collections.abc import Callable

import tensorflow as tf

from kerasnorm.data.images.decoded_images import workers_or

# A few, to level out batches that take longer than others.
BATCHES_AHEAD = 4


def map_in_parallel(
    batches: tf.data.Dataset, function: Callable, *, threads: int | None = None
) -> tf.data.Dataset:
    """Map every batch in as many threads as processors, in order, ahead of its use.

    tf.data's own search for the number of threads is switched off for the whole
    dataset: the thread that searches sleeps for twice as long each time, and in
    TensorFlow 2.21 a `fit` could return only after its next awakening, up to a minute
    after the last batch.

    Args:
        batches: The dataset.
        function: What is mapped over it, as for `tf.data.Dataset.map`.
        threads: Number of threads; default: one per processor.

    Returns:
        The mapped dataset.
    """
    return without_autotune(
        batches.map(
            without_autograph(function),
            num_parallel_calls=workers_or(threads),
            deterministic=True,
        ).prefetch(BATCHES_AHEAD)
    )


def without_autograph(function: Callable) -> Callable:
    """Keep AutoGraph from rewriting a function of a pipeline.

    The functions here branch on Python's values only. Rewriting their source, and that
    of all they call, took most of the time it takes to make a pipeline.

    Args:
        function: What is mapped over a dataset.
    """
    return tf.autograph.experimental.do_not_convert(function)


def without_autotune(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Switch tf.data's search for good numbers of threads and buffers off.

    Args:
        batches: The dataset.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    return batches.with_options(options)
