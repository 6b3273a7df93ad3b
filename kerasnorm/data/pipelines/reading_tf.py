"""Images as tensors: gathered in memory, or read by Python a batch at a time."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.images.zero_copy_tf import as_tensor
from kerasnorm.data.pipelines.numpy_function_shutdown import safe_at_exit


def image_reader(decoded: DecodedImages) -> Callable:
    """Return a function from positions to images, for datasets.

    Args:
        decoded: The images.

    Returns:
        A function of an int64 tensor (batch,) that returns uint8 (batch, height,
        width, 3).
    """
    if isinstance(decoded.images, np.ndarray):
        images = as_tensor(decoded.images)
        return lambda positions: tf.gather(images, positions)
    read = safe_at_exit(decoded.read)
    shape = decoded.image_size

    def read_batch(positions):
        # Stateless: the same positions are the same images, whoever comes first, so
        # that deterministic datasets may read several batches at once.
        images = tf.numpy_function(read, [positions], tf.uint8, stateful=False)
        images.set_shape([*positions.shape, *shape, 3])
        return images

    return read_batch
