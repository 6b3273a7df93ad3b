"""Training batches whose images are small at first and grow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.data.pipelines.numpy_function_shutdown import safe_at_exit
from kerasnorm.data.pipelines.parallel_tf import map_in_parallel


def with_growing_images(
    batches: tf.data.Dataset,
    side_at: Callable[[int], int],
    first_step: int = 0,
) -> tf.data.Dataset:
    """Shrink square images to a side that depends on the step.

    The time of a convolution goes with the number of pixels, so that a training which
    begins with small images gets through more epochs in the same time. The model must
    take images of any size.

    Args:
        batches: Dataset of (images, labels), images (batch, side, side, 3).
        side_at: Function from the step to the side in pixels; a batch is shrunk when
            it is made, a few steps ahead of its use.
        first_step: Number of the first batch.

    Returns:
        Dataset of the same structure, with height and width unknown.

    Reference:
        Tan and Le 2021, EfficientNetV2: Smaller Models and Faster Training, section
        4 (progressive learning), arXiv 2104.00298.
    """
    side_of = safe_at_exit(lambda step: np.int32(side_at(int(step))))

    def shrink(step, batch):
        images, *others = batch
        side = tf.numpy_function(side_of, [step], tf.int32)
        side.set_shape([])
        smaller = tf.image.resize(images, tf.stack([side, side]), "area")
        smaller.set_shape([images.shape[0], None, None, images.shape[3]])
        return smaller, *others

    return map_in_parallel(batches.enumerate(first_step), shrink)
