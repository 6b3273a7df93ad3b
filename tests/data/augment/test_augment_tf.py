"""The kernels, eagerly and inside tf.data, equal a literal reference."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data.augment import augment_tf  # noqa: E402
from kerasnorm.data.augment.transforms import affine_matrices, rescaled  # noqa: E402
from tests.data.conftest import smooth_image  # noqa: E402
from tests.reference.warping import affine_steps, sample_nearest  # noqa: E402

SIZE = (12, 17)
IMAGES = np.stack([smooth_image(*SIZE, seed=seed) for seed in range(3)])
AMOUNTS = {
    "theta": 25.0,
    "tx": 1.5,
    "ty": -2.0,
    "shear": 10.0,
    "zx": 0.8,
    "zy": 1.3,
    "flip_horizontal": True,
    "flip_vertical": False,
}


def run(function, images, *others, where):
    """Call a kernel directly, or compiled, or inside a tf.data map."""
    if where == "eager":
        return function(tf.constant(images), *map(tf.constant, others)).numpy()
    if where == "compiled":
        return tf.function(function, jit_compile=True)(images, *others).numpy()
    data = tf.data.Dataset.from_tensors((images, *others))
    return next(iter(data.map(function))).numpy()


@pytest.mark.parametrize(
    ("where", "dtype"),
    [("eager", np.float64), ("eager", np.float32), ("dataset", np.float32)],
)
def test_warp_equals_the_literal_one(where, dtype):
    matrices = np.repeat(affine_matrices(SIZE, **AMOUNTS), 3, axis=0).astype(dtype)
    received = run(
        lambda images, matrices: augment_tf.warp(images, matrices, SIZE),
        IMAGES,
        matrices,
        where=where,
    )
    steps = affine_steps(SIZE, **AMOUNTS)
    expected = [sample_nearest(image.astype(float), steps) for image in IMAGES]
    # float32 positions are exact to 1e-6 pixels, the images rise by up to 100.
    np.testing.assert_allclose(received, expected, atol=1e-2)


def test_warp_to_another_size_keeps_the_image():
    large = np.stack([smooth_image(48, 68)])
    matrices = rescaled(affine_matrices(SIZE), SIZE, (48, 68))
    small = augment_tf.warp(large, tf.constant(matrices), SIZE).numpy()
    assert small.shape == (1, *SIZE, 3)
    # Every fourth pixel: its centre lies between the four in the middle of 4 x 4.
    blocks = large.reshape(1, 12, 4, 17, 4, 3)[:, :, 1:3, :, 1:3]
    np.testing.assert_allclose(small, blocks.mean(axis=(2, 4)), atol=1e-2)


@pytest.mark.parametrize("where", ["compiled", "dataset"])
def test_recolour_follows_its_formula(where):
    images = IMAGES.astype(np.float32)
    colours = np.array([[1.2, 0.7, 0.4, 9], [1, 1, 1, 0], [0.5, 2, 0, -9]], np.float32)
    received = run(augment_tf.color_jitter, images, colours, where=where)
    for image, result, (brightness, contrast, saturation, shift) in zip(
        images, received, colours, strict=True
    ):
        gray = (image @ np.array(augment_tf.LUMA))[..., None]
        coloured = gray + saturation * (image - gray)
        contrasted = gray.mean() + contrast * (coloured - gray.mean())
        expected = np.clip(brightness * contrasted + shift, 0, 255)
        np.testing.assert_allclose(result, expected, atol=1e-2)


@pytest.mark.parametrize("where", ["compiled", "dataset"])
def test_level_follows_its_formula(where):
    images = IMAGES.astype(np.float32) / 255
    shifts = np.array([0.2, -0.3, 0], np.float32)
    factors = np.array([0.5, 1.5, 1], np.float32)
    received = run(
        lambda *arguments: augment_tf.adjust_channel_shift_and_brightness(
            *arguments, (0.0, 1.0)
        ),
        images,
        shifts,
        factors,
        where=where,
    )
    for image, result, shift, factor in zip(
        images, received, shifts, factors, strict=True
    ):
        shifted = np.clip(image + shift, image.min(), image.max())
        expected = np.clip(shifted * factor, 0, 1)
        np.testing.assert_allclose(result, expected, atol=1e-6)
