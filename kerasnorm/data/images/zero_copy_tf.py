"""Arrays of NumPy and tensors of TensorFlow over the same memory, without a copy."""

import numpy as np
import tensorflow as tf

from kerasnorm.data.images.decoded_images import ALIGNMENT, aligned_array


class Writeable:
    """A read-only array under the name of a writeable one.

    Args:
        array: The array, which lives as long as this object.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = interface | {"data": (interface["data"][0], False)}


def as_tensor(images: np.ndarray):
    """Return an array as a tensor over the same memory, or the same file on disk.

    `tf.convert_to_tensor` would need three times the memory of the images.

    Args:
        images: The array; it is copied where it does not begin at a multiple of 64
            bytes, as TensorFlow needs it.
    """
    images = np.ascontiguousarray(images)
    if not images.size:
        return tf.constant(images)
    if images.ctypes.data % ALIGNMENT:
        unaligned, images = images, aligned_array(images.shape)
        images[:] = unaligned
    if not images.flags.writeable:
        # DLPack has no read-only arrays; nobody writes to the tensor.
        images = np.asarray(Writeable(images))
    return tf.experimental.dlpack.from_dlpack(images.__dlpack__())


def as_array(tensor) -> np.ndarray:
    """Return a tensor that nobody else uses as a writeable array over its memory.

    `tensor.numpy()` would copy it. TensorFlow makes a tensor of the array again, as
    the result of a `tf.numpy_function`, without a copy, too.

    Args:
        tensor: The tensor, in the memory of the processor.
    """
    return np.asarray(Writeable(np.from_dlpack(tensor)))
