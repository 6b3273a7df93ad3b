"""The options are checked, frozen, and know whether they do anything."""

import dataclasses

import pytest

from kerasnorm.data import Augmentation


def test_none_does_nothing():
    augmentation = Augmentation.none()
    assert augmentation == Augmentation()
    assert not augmentation.has_geometry
    assert not augmentation.has_colour


@pytest.mark.parametrize(
    "options",
    [
        {"rotation_range": 1},
        {"width_shift_range": 0.1},
        {"height_shift_range": 0.1},
        {"shear_range": 1},
        {"zoom_range": 0.1},
        {"zoom_range": (0.5, 1.0)},
        {"horizontal_flip": True},
        {"vertical_flip": True},
    ],
)
def test_geometry_is_noticed(options):
    assert Augmentation(**options).has_geometry
    assert not Augmentation(**options).has_colour


@pytest.mark.parametrize(
    "options",
    [
        {"brightness_range": (0.5, 1.0)},
        {"contrast_range": (0.5, 1.0)},
        {"saturation_range": (0.5, 1.0)},
        {"channel_shift_range": 5},
    ],
)
def test_colour_is_noticed(options):
    assert Augmentation(**options).has_colour
    assert not Augmentation(**options).has_geometry


def test_arguments_stay_as_given():
    augmentation = Augmentation(zoom_range=0.25)
    assert augmentation.zoom_range == 0.25
    assert augmentation.zoom_factors == (0.75, 1.25)
    assert Augmentation(**dataclasses.asdict(augmentation)) == augmentation


def test_values_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Augmentation().rotation_range = 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotation_range": -1}, "`rotation_range` to be degrees, from 0 to 180"),
        ({"rotation_range": "ten"}, "`rotation_range` to be degrees"),
        ({"width_shift_range": 2}, "`width_shift_range` to be a fraction of the width"),
        ({"shear_range": 90}, "`shear_range` to be degrees, from 0 to 89"),
        ({"zoom_range": 1}, "`zoom_range` to be a fraction, from 0 to 0.99"),
        ({"zoom_range": (1.2, 0.8)}, "`zoom_range` to be a pair"),
        ({"zoom_range": (0, 1)}, "`zoom_range` to be a pair"),
        ({"crop_area": 0}, "`crop_area` to be a fraction of the area, from 0.01 to 1"),
        ({"crop_area": 1.1}, "`crop_area` to be a fraction of the area"),
        ({"brightness_range": 0.5}, "`brightness_range` to be a pair"),
        ({"contrast_range": (-1, 1)}, "`contrast_range` to be a pair"),
        ({"channel_shift_range": 300}, "`channel_shift_range` to be a pixel value"),
        ({"fill_mode": "mirror"}, "`fill_mode` to be one of nearest, constant"),
    ],
)
def test_unfit_options_raise_in_words(options, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**options)
