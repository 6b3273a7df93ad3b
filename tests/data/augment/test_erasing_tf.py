"""Random erasing: whole boxes of noise, of the paper's sizes, on so many images."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data.augment.erasing_tf import draw_erasures, erase  # noqa: E402

SIZE = (60, 80)


def test_boxes_are_those_of_the_paper():
    boxes = draw_erasures(0.3, 1, 2, np.arange(20_000), SIZE)
    top, bottom, left, right, _ = boxes.T
    erased = bottom > top
    assert erased.mean() == pytest.approx(0.3, abs=0.01)
    assert np.all(boxes[~erased, :4] == 0)
    heights, widths = (bottom - top)[erased], (right - left)[erased]
    assert top.min() >= 0
    assert bottom.max() == SIZE[0]
    assert left.min() >= 0
    assert right.max() == SIZE[1]
    area = heights * widths / (SIZE[0] * SIZE[1])
    # Rounding to whole pixels moves the limits a little.
    assert 0.015 < area.min() < 0.03
    assert 0.31 < area.max() < 0.345
    ratio = heights / widths
    assert 0.25 < ratio.min() < 0.35
    assert 2.8 < ratio.max() < 4
    assert np.median(ratio) == pytest.approx(1, abs=0.15)


def test_nothing_is_drawn_where_it_is_off():
    assert not draw_erasures(0.0, 1, 2, np.arange(9), SIZE).any()


def test_noise_fills_the_box_and_nothing_else():
    images = np.full((2, 10, 12, 3), 300, np.float32)
    boxes = np.array([[2, 7, 3, 9, 5], [0, 0, 0, 0, 6]], np.int32)
    erased = erase(tf.constant(images), tf.constant(boxes)).numpy()
    inside = np.zeros(images.shape, bool)
    inside[0, 2:7, 3:9] = True
    np.testing.assert_array_equal(erased[~inside], 300)
    assert np.all((erased[inside] >= 0) & (erased[inside] < 255))
    assert np.std(erased[inside]) == pytest.approx(255 / 12**0.5, rel=0.2)
    again = erase(tf.constant(images), tf.constant(boxes)).numpy()
    np.testing.assert_array_equal(erased, again)
    boxes[:, 4] += 1
    assert np.any(erase(tf.constant(images), tf.constant(boxes)).numpy() != erased)
