"""Properties of images: only what changing them does is held against a network."""

import numpy as np
import pytest

from kerasnorm.doctor import examine
from kerasnorm.doctor.checks.samples.image_properties import (
    check_image_drift,
    check_segments,
    check_shortcut,
)
from kerasnorm.doctor.probes.images.properties import (
    Scale,
    by_name,
    change_property,
    measure_properties,
    properties_of,
)
from tests.doctor.checks.samples.striped import (
    HEADS,
    brightness_reader,
    by_class,
    stripe_reader,
    stripes,
    studied,
)
from tests.doctor.networks import batches

BRIGHT_CLASS = by_class(0.35, 0.65)
heads = pytest.mark.parametrize("head", HEADS)


def dark_in_part(y, generator):
    """Return a brightness for each image: one in five is dark."""
    return np.where(np.arange(len(y)) % 10 < 2, 0.2, 0.6)


def faint_where_dark(y, generator):
    return np.where(np.arange(len(y)) % 10 < 2, 0.004, 0.1)


@heads
def test_a_network_that_reads_brightness_takes_a_shortcut(head):
    both = [stripes(seed, brightness=BRIGHT_CLASS) for seed in (0, 1)]
    finding = check_shortcut(studied(brightness_reader(head), *both))
    assert (finding.severity, finding.evidence["property"]) == ("warning", "brightness")
    assert finding.evidence["right_after"] < 0.3


@heads
def test_a_brightness_that_predicts_and_is_not_used_is_no_shortcut(head):
    both = [stripes(seed, brightness=BRIGHT_CLASS) for seed in (0, 1)]
    m = studied(stripe_reader(head), *both)
    assert m.shortcuts[0].area > 0.95
    assert check_shortcut(m) is None


@heads
def test_a_drift_that_a_change_of_the_property_takes_back_is_a_warning(head):
    train = stripes(0, brightness=by_class(0.4, 0.6))
    validation = stripes(1, brightness=by_class(0.2, 0.4))
    finding = check_image_drift(studied(brightness_reader(head), train, validation))
    assert (finding.severity, finding.evidence["property"]) == ("warning", "brightness")
    assert finding.evidence["accuracy"] < 0.7 < finding.evidence["accuracy_moved"]


@heads
def test_a_drift_that_costs_nothing_is_information(head):
    train, validation = stripes(0), stripes(1, brightness=0.35)
    finding = check_image_drift(studied(stripe_reader(head), train, validation))
    assert finding.severity == "info"
    assert finding.evidence["area"] > 0.95


@heads
def test_other_class_fractions_are_no_drift_of_the_images(head):
    train = stripes(0, brightness=BRIGHT_CLASS)
    x, y = stripes(1, brightness=BRIGHT_CLASS)
    fewer = np.flatnonzero((y == 0) | (np.arange(len(y)) % 8 == 1))
    validation = x[fewer][:192], y[fewer][:192]
    assert check_image_drift(studied(stripe_reader(head), train, validation)) is None


@heads
def test_dark_images_that_are_right_once_brightened_are_a_weak_segment(head):
    train, validation = stripes(0), stripes(1, brightness=dark_in_part)
    finding = check_segments(studied(stripe_reader(head, 0.35), train, validation))
    assert (finding.severity, finding.evidence["property"]) == ("warning", "brightness")
    assert finding.evidence["accuracy"] < 0.7
    assert finding.evidence["accuracy_with_property_changed"] > 0.9


@heads
def test_dark_images_that_are_hard_by_themselves_are_information(head):
    """Errors sit in dark images all the same: a rule over errors takes them for it."""
    train = stripes(0)
    validation = stripes(1, brightness=dark_in_part, amplitude=faint_where_dark)
    finding = check_segments(studied(stripe_reader(head), train, validation))
    assert finding.evidence["accuracy"] < finding.evidence["accuracy_of_others"] - 0.1
    assert finding.severity == "info"


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_change_of_a_property_reaches_what_was_wanted(channels, dtype):
    generator = np.random.default_rng(0)
    small = generator.uniform(60, 190, (6, 8, 8, channels))
    images = small.repeat(4, 1).repeat(4, 2) + generator.normal(0, 4, (6, 32, 32, 1))
    images, scale = images.astype(dtype), Scale(0.0, 255.0)
    before = measure_properties(images, scale)
    assert list(before) == [p.name for p in properties_of(channels)]
    for name, values in before.items():
        wanted = np.full(6, np.median(values))
        if by_name(name).colours or name in ("brightness", "border"):
            wanted = wanted + 0.02
        changed = change_property(images, scale, name, values, wanted)
        assert changed.dtype == images.dtype
        after = measure_properties(changed, scale)[name]
        assert after == pytest.approx(wanted, rel=0.05, abs=0.006), name


@pytest.mark.thorough
def test_an_examination_finds_a_shortcut_that_its_validation_shares():
    both = [batches(*stripes(seed, brightness=BRIGHT_CLASS)) for seed in (0, 1)]
    examination = examine(brightness_reader("softmax"), *both)
    assert examination.verdict == "shortcut"
