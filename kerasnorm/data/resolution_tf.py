"""Training batches whose pictures are small at first and grow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.data.python_calls import ended_at_exit


def with_growing_pictures(
    batches: tf.data.Dataset,
    side_at: Callable[[int], int],
    first_step: int = 0,
) -> tf.data.Dataset:
    """Shrink square pictures to a side that depends on the step.

    Small pictures cost a fraction of the time and teach the coarse half of the task.
    The model must take pictures of any size. A model that has grown up with the full
    size alone is somewhat better after equally many epochs, and much worse after
    equally many minutes.

    Args:
        batches: Dataset of (pictures, labels), pictures (batch, side, side, 3).
        side_at: Function from the step to the side in pixels; a batch is shrunk when
            it is made, a few steps ahead of its use.
        first_step: Number of the first batch.

    Returns:
        Dataset of the same structure, with height and width unknown.

    Reference:
        Howard et al. 2018, DAWNBench entry of fast.ai: progressive resizing.
    """
    side_of = ended_at_exit(lambda step: np.int32(side_at(int(step))))

    def shrink(step, batch):
        images, labels = batch
        side = tf.numpy_function(side_of, [step], tf.int32)
        side.set_shape([])
        smaller = tf.image.resize(images, tf.stack([side, side]), "area")
        smaller.set_shape([images.shape[0], None, None, images.shape[3]])
        return smaller, labels

    return (
        batches.enumerate(first_step)
        .map(shrink, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )
