"""Normalization and its statistics equal those of Keras' class."""

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageDataGenerator
from kerasnorm.data.generator.standardize import whitening_matrix
from tests.data.conftest import smooth_image

IMAGES = np.stack([smooth_image(6, 8, seed=seed) for seed in range(40)])
OPTIONS = [
    {"rescale": 1 / 255},
    {"samplewise_center": True},
    {"samplewise_std_normalization": True},
    {"featurewise_center": True},
    {"featurewise_std_normalization": True},
    {"zca_whitening": True, "zca_epsilon": 0.1},
    {"zca_whitening": True, "featurewise_std_normalization": True},
    {
        "rescale": 0.1,
        "samplewise_std_normalization": True,
        "featurewise_std_normalization": True,
        "preprocessing_function": lambda image: image[::-1] * 2,
    },
]


@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batches_equal_keras_class(legacy_generator, options, data_format):
    images = IMAGES if data_format == "channels_last" else np.moveaxis(IMAGES, -1, 1)
    batches = []
    for generator in (ImageDataGenerator, legacy_generator):
        made = generator(**options, data_format=data_format)
        made.fit(images)
        batches.append(next(made.flow(images, batch_size=8, shuffle=False)))
    # Whitening divides by small variances, which magnifies float32's rounding.
    np.testing.assert_allclose(*batches, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("options", OPTIONS)
def test_one_image_equals_its_batch(options):
    generator = ImageDataGenerator(**options)
    generator.fit(IMAGES)
    batch = generator.standardize(IMAGES)
    np.testing.assert_allclose(
        generator.standardize(IMAGES[3]), batch[3], rtol=1e-4, atol=1e-3
    )


def test_standardize_leaves_its_argument():
    image = IMAGES[0].astype(np.float32)
    before = image.copy()
    ImageDataGenerator(rescale=0.5).standardize(image)
    np.testing.assert_array_equal(image, before)


def test_batches_leave_the_array():
    images = IMAGES.astype(np.float32)
    next(ImageDataGenerator(rescale=0.5).flow(images))
    np.testing.assert_array_equal(images, IMAGES)


def test_whitened_data_is_white():
    random = np.random.default_rng(0)
    flat = random.normal(size=(500, 6)) @ random.normal(size=(6, 6))
    flat -= flat.mean(axis=0)
    white = flat @ whitening_matrix(flat, 1e-9)
    np.testing.assert_allclose(white.T @ white / 500, np.eye(6), atol=1e-6)


def test_fit_on_transformed_images_repeats_with_its_seed():
    def mean(seed, **options):
        generator = ImageDataGenerator(
            featurewise_center=True, height_shift_range=0.5, fill_mode="constant"
        )
        generator.fit(IMAGES, augment=True, seed=seed, **options)
        return generator.mean

    np.testing.assert_array_equal(mean(1), mean(1))
    assert np.any(mean(1) != mean(2))
    # Black borders darken the mean.
    assert np.all(mean(1, rounds=3) < IMAGES.mean(axis=(0, 1, 2)))


def test_fit_needs_rank_4():
    with pytest.raises(DataError, match=r"rank 4. Received: shape \(6, 8, 3\)"):
        ImageDataGenerator().fit(IMAGES[0])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_statistics_of_many_pixels_are_summed_in_float64(data_format):
    images = np.full((2000, 32, 32, 3), 255, np.uint8)
    images[:100] = 0
    if data_format == "channels_first":
        images = np.moveaxis(images, -1, 1)
    generator = ImageDataGenerator(
        featurewise_center=True,
        featurewise_std_normalization=True,
        data_format=data_format,
    )
    generator.fit(images)
    np.testing.assert_allclose(generator.mean.ravel(), 255 * 0.95, rtol=1e-6)
    np.testing.assert_allclose(
        generator.std.ravel(), 255 * np.sqrt(0.05 * 0.95), rtol=1e-6
    )
