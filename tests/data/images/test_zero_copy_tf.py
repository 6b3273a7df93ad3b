"""Arrays and tensors share their memory, and what Python gets can be written to."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data import ImageDataGenerator, index_directory, load_images  # noqa: E402
from kerasnorm.data.augment.augment_tf import warp  # noqa: E402
from kerasnorm.data.images.zero_copy_tf import as_array, as_tensor  # noqa: E402
from tests.data.conftest import smooth_image  # noqa: E402


def test_loaded_images_are_not_copied(class_folders):
    loaded = load_images(index_directory(class_folders), (24, 24))
    tensor = as_tensor(loaded.images)
    loaded.images[0, 0, 0, 0] ^= 255
    assert tensor[0, 0, 0, 0] == loaded.images[0, 0, 0, 0]


def test_a_warped_batch_is_not_copied():
    tensor = warp(
        smooth_image(8, 9)[None], np.eye(2, 3, dtype=np.float32)[None], (8, 9)
    )
    array = as_array(tensor)
    assert array.ctypes.data == np.from_dlpack(tensor).ctypes.data
    np.testing.assert_array_equal(array, tensor)


def test_an_array_outlives_its_tensor():
    tensor = tf.random.uniform((200, 300))
    expected = tensor.numpy()
    array = as_array(tensor)
    del tensor
    # What was freed would be taken again.
    others = [np.zeros((200, 300), np.float32) + number for number in range(50)]
    np.testing.assert_array_equal(array, expected)
    assert len(others) == 50


def test_a_dataset_takes_the_array_without_a_copy():
    places = []

    def make():
        array = as_array(tf.random.uniform((200, 300)))
        places.append(array.ctypes.data)
        return array

    dataset = tf.data.Dataset.range(1).map(
        lambda _: tf.numpy_function(make, [], tf.float32)
    )
    for tensor in dataset:
        assert places == [np.from_dlpack(tensor).ctypes.data]


@pytest.mark.parametrize(
    "options", [{"rotation_range": 9}, {"channel_shift_range": 9.0}]
)
def test_batches_of_the_generator_can_be_written_to(options):
    flow = ImageDataGenerator(**options).flow(np.stack([smooth_image(8, 8)] * 3))
    images = next(flow)
    images /= 255
    assert images.max() <= 1
    assert next(flow).max() > 1
