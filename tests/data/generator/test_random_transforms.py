"""The images are those of Keras' class, but for its faults."""

import numpy as np
import pytest

from kerasnorm.data import ImageDataGenerator
from kerasnorm.data.generator.random_transforms import transform_batch
from tests.data.conftest import smooth_image

MODES = ("nearest", "constant", "reflect", "wrap")
ONE_LEVEL = 1.0  # of 255


def random_parameters(seed):
    random = np.random.default_rng(seed)
    return {
        "theta": random.uniform(-180, 180),
        "tx": random.uniform(-20, 20),
        "ty": random.uniform(-20, 20),
        "shear": random.uniform(-30, 30),
        "zx": random.uniform(0.5, 2),
        "zy": random.uniform(0.5, 2),
        "flip_horizontal": bool(random.integers(2)),
        "flip_vertical": bool(random.integers(2)),
        "channel_shift_intensity": random.uniform(-40, 40),
        "brightness": None,
    }


CASES = [
    *(random_parameters(seed) for seed in range(8)),
    {"theta": 90.0},
    {"theta": -180.0},
    {"tx": 3.0, "flip_horizontal": True},
    {"ty": -29.0},
    {"zx": 2.0, "zy": 2.0},
    {"flip_vertical": True},
]


def in_batch(generator, image, parameters):
    """Send one image through the path that batches take."""
    full = {
        "theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0,
        "flip_horizontal": False, "flip_vertical": False,
        "channel_shift_intensity": None, "brightness": None,
    }  # fmt: skip
    full.update(parameters)
    arrays = {
        name: None if value is None else np.array([value])
        for name, value in full.items()
    }
    return transform_batch(generator, image[None], arrays, (0.0, 255.0))[0]


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("size", [(30, 30), (24, 33)])
def test_apply_transform_equals_keras_class(legacy_generator, order, fill_mode, size):
    options = {"interpolation_order": order, "fill_mode": fill_mode, "cval": 9.0}
    compat = "fixed" if size[0] == size[1] else "keras"
    ours = ImageDataGenerator(**options, compat=compat)
    legacy = legacy_generator(**options)
    image = smooth_image(*size).astype(np.float32)
    for parameters in CASES:
        expected = legacy.apply_transform(image, parameters)
        np.testing.assert_allclose(
            ours.apply_transform(image, parameters), expected, atol=1e-3
        )


@pytest.mark.parametrize(
    ("order", "dtype", "fill_mode"),
    [
        *((0, np.float32, mode) for mode in MODES),
        *((1, np.uint8, mode) for mode in MODES),
        (2, np.float32, "mirror"),
    ],
)
def test_batches_equal_keras_class(legacy_generator, order, fill_mode, dtype):
    options = {"interpolation_order": order, "fill_mode": fill_mode, "cval": 9.0}
    ours = ImageDataGenerator(**options, compat="keras")
    legacy = legacy_generator(**options)
    image = smooth_image(24, 33)
    for parameters in CASES:
        expected = legacy.apply_transform(image.astype(np.float32), parameters)
        received = in_batch(ours, image.astype(dtype), parameters)
        assert np.max(np.abs(received - expected)) <= ONE_LEVEL / 2


@pytest.mark.parametrize("brightness", [0.4, 1.0, 1.7])
def test_brightness_equals_keras_class_on_8_bits(legacy_generator, brightness):
    image = smooth_image(30, 30).astype(np.float32)
    parameters = {"brightness": brightness, "theta": 12.0}
    expected = legacy_generator().apply_transform(image, parameters)
    exact = ImageDataGenerator(compat="keras").apply_transform(image, parameters)
    smooth = in_batch(ImageDataGenerator(), image, parameters)
    np.testing.assert_array_equal(exact[8:-8, 8:-8], expected[8:-8, 8:-8])
    # Keras' class cuts to whole numbers before and after.
    middle = (smooth - expected)[8:-8, 8:-8]
    assert np.max(np.abs(middle)) <= (1 + brightness) * ONE_LEVEL


def test_brightness_keeps_alpha():
    image = smooth_image(8, 8, channels=4).astype(np.float32)
    for result in (
        in_batch(ImageDataGenerator(), image, {"brightness": 0.5}),
        ImageDataGenerator().apply_transform(image, {"brightness": 0.5}),
    ):
        np.testing.assert_allclose(result[..., 3], image[..., 3])
        np.testing.assert_allclose(result[..., :3], image[..., :3] / 2)


def test_channels_first_gives_the_same_images():
    image = smooth_image(24, 33).astype(np.float32)
    last, first = (
        ImageDataGenerator(data_format=f"channels_{where}")
        for where in ("last", "first")
    )
    parameters = random_parameters(3) | {"brightness": 1.2}
    np.testing.assert_array_equal(
        first.apply_transform(np.moveaxis(image, -1, 0), parameters),
        np.moveaxis(last.apply_transform(image, parameters), -1, 0),
    )


def test_apply_transform_leaves_its_argument():
    image = smooth_image(8, 8).astype(np.float32)
    before = image.copy()
    ImageDataGenerator().apply_transform(image, random_parameters(0))
    np.testing.assert_array_equal(image, before)
