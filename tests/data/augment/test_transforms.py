"""Composed matrices equal the product of their steps."""

import numpy as np
import pytest

from kerasnorm.data import Augmentation
from kerasnorm.data.augment.transforms import (
    affine_matrices,
    draw_colours,
    draw_warps,
    rescaled,
)
from tests.reference.warping import affine_steps

SIZE = (24, 33)


def amounts(seed):
    random = np.random.default_rng(seed)
    return {
        "theta": random.uniform(-180, 180),
        "tx": random.uniform(-9, 9),
        "ty": random.uniform(-9, 9),
        "shear": random.uniform(-40, 40),
        "zx": random.uniform(0.5, 2),
        "zy": random.uniform(0.5, 2),
        "flip_horizontal": bool(random.integers(2)),
        "flip_vertical": bool(random.integers(2)),
    }


@pytest.mark.parametrize("seed", range(6))
def test_matrix_is_the_product_of_its_steps(seed):
    expected = affine_steps(SIZE, **amounts(seed))
    received = affine_matrices(SIZE, **amounts(seed))[0]
    # Rows and columns of the result are (row, column), those of the steps (x, y).
    np.testing.assert_allclose(received[0], expected[1][[1, 0, 2]], atol=1e-10)
    np.testing.assert_allclose(received[1], expected[0][[1, 0, 2]], atol=1e-10)


def test_a_batch_is_its_single_matrices():
    cases = [amounts(seed) for seed in range(5)]
    stacked = {name: np.array([case[name] for case in cases]) for name in cases[0]}
    batch = affine_matrices(SIZE, **stacked)
    for matrix, case in zip(batch, cases, strict=True):
        np.testing.assert_allclose(matrix, affine_matrices(SIZE, **case)[0])


def test_no_augmentation_draws_the_identity():
    matrices = draw_warps(Augmentation.none(), 1, 2, np.arange(4), SIZE)
    np.testing.assert_allclose(matrices, [[[1, 0, 0], [0, 1, 0]]] * 4, atol=1e-12)
    colours = draw_colours(Augmentation.none(), 1, 2, np.arange(4))
    np.testing.assert_array_equal(colours, [[1, 1, 1, 0]] * 4)


def test_crops_lie_inside_and_have_the_drawn_area():
    matrices = draw_warps(Augmentation(crop_area=0.3), 1, 2, np.arange(4000), SIZE)
    height, width = np.array(SIZE) - 1.0
    np.testing.assert_array_equal(matrices[:, [0, 1], [1, 0]], 0)
    rows, columns = matrices[:, 0, 0], matrices[:, 1, 1]
    areas = rows * columns
    assert 0.3 <= areas.min() < 0.31 < 0.99 < areas.max() <= 1
    # Even between its limits.
    assert abs(areas.mean() - 0.65) < 0.01
    ratios = columns / rows
    assert 0.75 <= ratios.min() < 0.78 < 1.3 < ratios.max() <= 4 / 3 + 1e-9
    for factors, first, length in (
        (rows, matrices[:, 0, 2], height),
        (columns, matrices[:, 1, 2], width),
    ):
        # Half a pixel beyond the outermost centres the image ends.
        assert (first - factors / 2 >= -0.5 - 1e-9).all()
        assert (first + factors * (length + 0.5) <= length + 0.5 + 1e-9).all()
        # They reach every border.
        assert (first - factors / 2).min() < -0.4
        assert (first + factors * (length + 0.5)).max() > length + 0.4


def test_a_crop_of_everything_changes_no_draw():
    options = {"rotation_range": 30.0, "zoom_range": 0.3, "width_shift_range": 0.1}
    plain = draw_warps(Augmentation(**options), 1, 2, np.arange(9), SIZE)
    whole = draw_warps(Augmentation(**options, crop_area=1), 1, 2, np.arange(9), SIZE)
    np.testing.assert_array_equal(plain, whole)


def test_draws_do_not_depend_on_company():
    augmentation = Augmentation(rotation_range=30, zoom_range=0.3, shear_range=9)
    together = draw_warps(augmentation, 1, 2, np.arange(10), SIZE)
    alone = draw_warps(augmentation, 1, 2, np.array([7]), SIZE)
    np.testing.assert_array_equal(alone[0], together[7])


@pytest.mark.parametrize(
    ("options", "column", "low", "high"),
    [
        ({"brightness_range": (0.5, 1.25)}, 0, 0.5, 1.25),
        ({"contrast_range": (0.8, 1.2)}, 1, 0.8, 1.2),
        ({"saturation_range": (0, 2)}, 2, 0, 2),
        ({"channel_shift_range": 30}, 3, -30, 30),
    ],
)
def test_colours_fill_their_range(options, column, low, high):
    colours = draw_colours(Augmentation(**options), 1, 0, np.arange(1000))
    values = colours[:, column]
    assert low <= values.min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < values.max() <= high
    others = np.delete(colours, column, axis=1)
    assert len(np.unique(others, axis=0)) == 1


def test_shifts_are_shares_of_the_side():
    augmentation = Augmentation(width_shift_range=0.5)
    matrices = draw_warps(augmentation, 1, 0, np.arange(1000), SIZE)
    assert np.abs(matrices[:, 1, 2]).max() == pytest.approx(SIZE[1] / 2, rel=0.01)
    np.testing.assert_allclose(matrices[:, 0, 2], 0, atol=1e-12)


def test_rescaled_matrices_meet_the_corners():
    stored = (48, 99)
    matrix = rescaled(affine_matrices(SIZE), SIZE, stored)[0]
    # The outer borders of the pixels, half a pixel outside of their centres, agree.
    first = matrix @ [-0.5, -0.5, 1]
    last = matrix @ [SIZE[0] - 0.5, SIZE[1] - 0.5, 1]
    np.testing.assert_allclose(first, [-0.5, -0.5])
    np.testing.assert_allclose(last, [stored[0] - 0.5, stored[1] - 0.5])
