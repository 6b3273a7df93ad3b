"""Each known fault of Keras' class: kept by compat="keras", fixed by "fixed"."""

import random

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageDataGenerator
from tests.data.conftest import smooth_image

SIZE = (20, 20)


def bright_dot():
    image = np.zeros((*SIZE, 1), np.float32)
    image[10, 10] = 255
    return image


def moved_to(generator, **options):
    """Return the rows and columns at which the dot is seen over many draws."""
    generator = generator(fill_mode="constant", **options)
    places = set()
    for seed in range(40):
        image = generator.random_transform(bright_dot(), seed=seed)
        row, column, _ = np.unravel_index(np.argmax(image), image.shape)
        places.add((int(row), int(column)))
    return {row for row, _ in places}, {column for _, column in places}


def ours(compat):
    return lambda **options: ImageDataGenerator(compat=compat, **options)


@pytest.mark.parametrize(
    ("option", "moving_axis"), [("height_shift_range", 0), ("width_shift_range", 1)]
)
def test_shifts_are_swapped_by_keras_only(legacy_generator, option, moving_axis):
    fixed = moved_to(ours("fixed"), **{option: 5})
    assert len(fixed[moving_axis]) == 9
    assert fixed[1 - moving_axis] == {10}
    for generator in (ours("keras"), legacy_generator):
        swapped = moved_to(generator, **{option: 5})
        assert swapped[moving_axis] == {10}
        assert len(swapped[1 - moving_axis]) > 5


def test_listed_shifts_get_a_sign_from_keras_only(legacy_generator):
    def moved(generator):
        return moved_to(generator, height_shift_range=[2, 5])

    # A shift samples the image further on: positive shifts move it up.
    assert moved(ours("fixed"))[0] == {8, 5}
    for generator in (ours("keras"), legacy_generator):
        assert moved(generator)[1] == {8, 5, 12, 15}


def test_brightness_blackens_images_from_0_to_1_in_keras_only(legacy_generator):
    image = smooth_image(*SIZE).astype(np.float32) / 256
    options = {"brightness_range": (0.5, 1.5)}
    bright = ImageDataGenerator(**options).apply_transform(image, {"brightness": 1.2})
    np.testing.assert_allclose(bright, np.minimum(image * 1.2, 1), rtol=1e-6)
    for generator in (
        ImageDataGenerator(**options, compat="keras"),
        legacy_generator(),
    ):
        black = generator.apply_transform(image, {"brightness": 1.2})
        assert np.max(black) == 0


def test_brightness_of_a_batch_from_0_to_1_stays_there():
    images = np.stack([smooth_image(*SIZE, seed=seed) for seed in range(8)]) / 255
    # One dark image must not be taken for another range than the rest.
    images[0] /= 10
    flow = ImageDataGenerator(brightness_range=(1.5, 1.9)).flow(images, batch_size=8)
    batch = next(flow)
    assert 0.9 < np.max(batch) <= 1


def test_turning_about_the_middle_is_missed_by_keras_only(legacy_generator):
    image = np.zeros((21, 41, 1), np.float32)
    image[10, 20] = 255
    turned = ImageDataGenerator().apply_transform(image, {"theta": 90.0})
    assert turned[10, 20] == pytest.approx(255, abs=0.01)
    for generator in (ImageDataGenerator(compat="keras"), legacy_generator()):
        assert generator.apply_transform(image, {"theta": 90.0})[10, 20] == 0


def test_validation_subset_is_transformed_by_keras_only(legacy_generator):
    images = np.stack([smooth_image(*SIZE, seed=seed) for seed in range(8)])
    options = {"rotation_range": 90, "validation_split": 0.5, "rescale": 0.5}

    def change(generator):
        flow = generator.flow(images, subset="validation", shuffle=False, seed=1)
        return np.max(np.abs(next(flow) - images[:4] / 2))

    assert change(ImageDataGenerator(**options)) < 1e-5
    for generator in (
        ImageDataGenerator(**options, compat="keras"),
        legacy_generator(**options),
    ):
        assert change(generator) > 10


def test_validation_files_are_transformed_by_keras_only(
    legacy_generator, class_folders
):
    def change(generator):
        plain, turned = (
            next(
                made.flow_from_directory(
                    class_folders,
                    target_size=SIZE,
                    subset="validation",
                    shuffle=False,
                    class_mode=None,
                )
            )
            for made in (
                generator(validation_split=0.5),
                generator(validation_split=0.5, rotation_range=90),
            )
        )
        return np.max(np.abs(plain - turned))

    assert change(ours("fixed")) == 0
    assert change(ours("keras")) > 10
    assert change(legacy_generator) > 10


@pytest.mark.parametrize(
    "option",
    ["featurewise_center", "featurewise_std_normalization", "zca_whitening"],
)
def test_statistics_without_fit_pass_unseen_in_keras_only(legacy_generator, option):
    image = smooth_image(*SIZE).astype(np.float32)
    with pytest.raises(RuntimeError, match=r"Call `fit\(images\)` first"):
        ImageDataGenerator(**{option: True}).standardize(image)
    kept = ImageDataGenerator(**{option: True}, compat="keras").standardize(image)
    np.testing.assert_array_equal(kept, image)
    with pytest.warns(UserWarning, match="fit"):
        legacy = legacy_generator(**{option: True}).standardize(image.copy())
    np.testing.assert_array_equal(legacy, image)


def test_the_global_generator_is_disturbed_by_keras_class_only(legacy_generator):
    def disturbed(generator):
        np.random.seed(5)
        before = np.random.get_state()[1].copy()
        next(generator(rotation_range=9).flow(np.zeros((4, 8, 8, 3)), seed=2))
        return np.any(before != np.random.get_state()[1])

    assert disturbed(legacy_generator)
    for compat in ("keras", "fixed"):
        before = random.getstate()
        assert not disturbed(ours(compat))
        assert random.getstate() == before


def test_binary_targets_of_three_classes_pass_unseen_in_keras_only(
    legacy_generator, class_folders
):
    def seen(generator):
        flow = generator.flow_from_directory(
            class_folders, class_mode="binary", shuffle=False, target_size=SIZE
        )
        return sorted(set(next(flow)[1].tolist()))

    with pytest.raises(DataError, match="Expected two classes for"):
        seen(ImageDataGenerator())
    for generator in (ImageDataGenerator(compat="keras"), legacy_generator()):
        assert seen(generator) == [0, 1, 2]


def test_exif_rotation_is_ignored_by_keras_only(legacy_generator, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "class").mkdir()
    image = Image.fromarray(smooth_image(20, 20))
    image.save(tmp_path / "class" / "turned.png", exif=exif)
    stored = np.asarray(image, np.float32)

    def seen(generator):
        return next(
            generator.flow_from_directory(tmp_path, target_size=SIZE, class_mode=None)
        )[0]

    upright = seen(ImageDataGenerator())
    np.testing.assert_array_equal(upright, np.rot90(stored, -1))
    for generator in (ImageDataGenerator(compat="keras"), legacy_generator()):
        np.testing.assert_array_equal(seen(generator), stored)


def test_weights_of_the_training_part_are_out_of_step_in_keras_only(legacy_generator):
    images = np.zeros((4, 8, 8, 3))
    weights = np.array([1.0, 2.0, 3.0, 4.0])

    def seen(generator):
        flow = generator.flow(
            images,
            np.array([0, 1, 0, 1]),
            sample_weight=weights,
            subset="training",
            shuffle=False,
        )
        return next(flow)[2].tolist()

    assert seen(ImageDataGenerator(validation_split=0.5)) == [3, 4]
    for generator in (
        ImageDataGenerator(validation_split=0.5, compat="keras"),
        legacy_generator(validation_split=0.5),
    ):
        assert seen(generator) == [1, 2]
