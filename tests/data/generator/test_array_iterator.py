"""Arrays, further inputs, weights and parts, as in Keras' class."""

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageDataGenerator
from tests.data.conftest import smooth_image

IMAGES = np.stack([smooth_image(6, 8, seed=seed) for seed in range(10)])
LABELS = np.arange(10) % 2


def assert_equal_trees(received, expected):
    if isinstance(expected, tuple | list):
        assert type(received) is type(expected)
        for mine, yours in zip(received, expected, strict=True):
            assert_equal_trees(mine, yours)
    else:
        assert received.dtype == expected.dtype
        np.testing.assert_array_equal(received, expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {"x": IMAGES},
        {"x": IMAGES, "y": LABELS},
        {"x": IMAGES, "y": np.eye(10)},
        {"x": IMAGES, "y": LABELS.tolist()},
        {"x": IMAGES, "y": LABELS, "sample_weight": np.linspace(0, 1, 10)},
        {"x": IMAGES, "sample_weight": np.ones(10)},
        {"x": (IMAGES, IMAGES[:, 0]), "y": LABELS},
        {"x": (IMAGES, [IMAGES[:, 0], np.arange(10)]), "y": LABELS},
        {"x": IMAGES[..., :1], "y": LABELS},
        {"x": IMAGES.astype(np.float64), "y": LABELS},
    ],
)
@pytest.mark.parametrize("subset", [None, "training", "validation"])
def test_batches_equal_keras_class(legacy_generator, arguments, subset):
    if subset and "y" in arguments and np.ndim(arguments["y"]) == 2:
        pytest.skip("one-hot rows of ten classes differ between the parts")
    walk = {"batch_size": 4, "shuffle": False, "subset": subset}
    ours, legacy = (
        generator.flow(**arguments, **walk)
        for generator in (
            ImageDataGenerator(rescale=0.5, validation_split=0.25, compat="keras"),
            legacy_generator(rescale=0.5, validation_split=0.25),
        )
    )
    assert (len(ours), ours.n) == (len(legacy), legacy.n)
    for _ in range(len(legacy) + 1):
        assert_equal_trees(next(ours), next(legacy))


def test_parts_with_different_classes_raise():
    generator = ImageDataGenerator(validation_split=0.2)
    with pytest.raises(DataError, match="ignore_class_split=True"):
        generator.flow(IMAGES, np.arange(10), subset="training")
    ignored = generator.flow(
        IMAGES, np.arange(10), subset="training", ignore_class_split=True
    )
    assert ignored.n == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": IMAGES[0]}, r"rank 4.*\(6, 8, 3\)"),
        ({"x": IMAGES[:0]}, "Expected images to iterate"),
        ({"x": IMAGES, "y": np.arange(9)}, "same length. Received: 10 and 9"),
        ({"x": IMAGES, "y": LABELS, "sample_weight": [1]}, "sample_weight to have"),
        ({"x": (IMAGES, LABELS[:3])}, "further inputs"),
        ({"x": IMAGES, "subset": "test"}, "one of training, validation"),
    ],
)
def test_unfit_arguments_raise_in_words(arguments, message):
    with pytest.raises(DataError, match=message):
        ImageDataGenerator(validation_split=0.2).flow(**arguments)


def test_channels_first_arrays():
    images = np.moveaxis(IMAGES, -1, 1)
    first = ImageDataGenerator(data_format="channels_first", horizontal_flip=True)
    last = ImageDataGenerator(data_format="channels_last", horizontal_flip=True)
    received = next(first.flow(images, seed=1))
    expected = next(last.flow(IMAGES, seed=1))
    np.testing.assert_array_equal(received, np.moveaxis(expected, -1, 1))


def test_float_targets_are_no_classes():
    images, targets = np.zeros((10, 4, 4, 1)), np.linspace(0.1, 0.9, 10)
    flow = ImageDataGenerator(validation_split=0.2).flow(
        images, targets, shuffle=False, subset="training"
    )
    np.testing.assert_array_equal(next(flow)[1], targets[2:])
