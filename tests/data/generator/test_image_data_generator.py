"""Arguments and attributes are those of Keras' class."""

import inspect

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageDataGenerator

METHODS = [
    "flow",
    "flow_from_directory",
    "flow_from_dataframe",
    "fit",
    "standardize",
    "get_random_transform",
    "apply_transform",
    "random_transform",
]


def parameters_of(function):
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY and name != "self"
    }


def test_constructor_takes_the_same_arguments_in_the_same_order(legacy_generator):
    ours = parameters_of(ImageDataGenerator)
    legacy = parameters_of(legacy_generator)
    assert list(ours) == list(legacy)
    assert ours == legacy


@pytest.mark.parametrize("method", METHODS)
def test_methods_take_the_same_arguments_in_the_same_order(legacy_generator, method):
    ours, legacy = (
        parameters_of(getattr(owner, method))
        for owner in (ImageDataGenerator, legacy_generator)
    )
    assert ours == legacy
    assert list(ours) == list(legacy)


def test_attributes_equal_those_of_keras_class(legacy_generator):
    options = {"zoom_range": 0.2, "brightness_range": (0.5, 1.5), "rescale": 0.1}
    ours, legacy = (
        vars(generator(**options))
        for generator in (ImageDataGenerator, legacy_generator)
    )
    public = {name for name in legacy if not name.startswith("_")}
    assert {name: ours[name] for name in public} == {
        name: legacy[name] for name in public
    }


def test_transform_parameters_have_the_names_of_keras_class(legacy_generator):
    options = {"brightness_range": (0.5, 1.5), "channel_shift_range": 3.0}
    ours, legacy = (
        generator(**options).get_random_transform((8, 9, 3), seed=1)
        for generator in (ImageDataGenerator, legacy_generator)
    )
    assert list(ours) == list(legacy)


@pytest.mark.parametrize(
    ("options", "name", "low", "high"),
    [
        ({"rotation_range": 30}, "theta", -30, 30),
        ({"width_shift_range": 0.25}, "tx", -20, 20),
        ({"height_shift_range": 0.25}, "ty", -10, 10),
        ({"height_shift_range": 7.5}, "ty", -7.5, 7.5),
        ({"shear_range": 12.0}, "shear", -12, 12),
        ({"zoom_range": 0.3}, "zx", 0.7, 1.3),
        ({"zoom_range": (0.5, 0.9)}, "zy", 0.5, 0.9),
        ({"channel_shift_range": 25.0}, "channel_shift_intensity", -25, 25),
        ({"brightness_range": (0.2, 1.8)}, "brightness", 0.2, 1.8),
    ],
)
def test_draws_fill_their_range_evenly(options, name, low, high):
    generator = ImageDataGenerator(**options)
    values = np.array(
        [
            generator.get_random_transform((40, 80, 3), seed=seed)[name]
            for seed in range(400)
        ]
    )
    assert low <= values.min() < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values.max() <= high
    # Three standard errors of the mean of a uniform draw.
    assert abs(values.mean() - (low + high) / 2) < 3 * (high - low) / 12**0.5 / 20


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (3, {-2, -1, 0, 1, 2}),
        (1, {0}),
        ([-3, 5], {-3, 5}),
        ([0.25, -0.5], {20, -40}),
        (np.array([2.0, 4.0]), {2, 4}),
    ],
)
def test_whole_and_listed_shifts(amount, expected):
    generator = ImageDataGenerator(width_shift_range=amount)
    assert {
        generator.get_random_transform((40, 80, 3), seed=seed)["tx"]
        for seed in range(60)
    } == expected


def test_half_of_the_images_are_flipped():
    generator = ImageDataGenerator(horizontal_flip=True)
    flips = [
        generator.get_random_transform((8, 8, 3), seed=seed) for seed in range(400)
    ]
    assert 160 < sum(flip["flip_horizontal"] for flip in flips) < 240
    assert not any(flip["flip_vertical"] for flip in flips)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zoom_range": (1, 2, 3)}, "`zoom_range` to be a number or a pair"),
        ({"brightness_range": 3}, "`brightness_range` to be a pair"),
        ({"validation_split": 2}, "`validation_split` to be above 0"),
        ({"data_format": "x"}, "`data_format` to be one of 'channels_last'"),
        ({"fill_mode": "mirrored"}, "`fill_mode` to be one of 'nearest'"),
        ({"interpolation_order": 7}, "`interpolation_order` to be one of 0"),
        ({"compat": "tf"}, "`compat` to be one of 'fixed', 'keras'"),
        ({"cache": "gpu"}, "`cache` to be one of 'memory'"),
    ],
)
def test_unfit_options_raise_in_words(options, message):
    with pytest.raises(DataError, match=message):
        ImageDataGenerator(**options)


def test_unknown_options_raise():
    with pytest.raises(TypeError, match="rotation_rnage"):
        ImageDataGenerator(rotation_rnage=3)
