"""Literal warping: one pixel at a time, straight from the definition."""

import math

import numpy as np


def affine_steps(size, theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical):
    """Multiply the 3x3 matrices of the docstring, in coordinates (x, y, 1)."""
    height, width = size
    turn, lean = math.radians(theta), math.radians(shear)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    centre = np.array([[1, 0, middle_x], [0, 1, middle_y], [0, 0, 1]])
    rotation = np.array(
        [
            [math.cos(turn), -math.sin(turn), 0],
            [math.sin(turn), math.cos(turn), 0],
            [0, 0, 1],
        ]
    )
    shift = np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    slant = np.array([[1, -math.sin(lean), 0], [0, math.cos(lean), 0], [0, 0, 1]])
    zoom = np.diag([zx, zy, 1])
    flip = np.eye(3)
    if flip_horizontal:
        flip = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]]) @ flip
    if flip_vertical:
        flip = np.array([[1, 0, 0], [0, -1, height - 1], [0, 0, 1]]) @ flip
    inverse = np.linalg.inv(centre)
    return centre @ rotation @ shift @ slant @ zoom @ inverse @ flip


def sample_nearest(image, matrix):
    """Interpolate linearly at the mapped position of every pixel, borders repeated."""
    height, width = image.shape[:2]
    result = np.zeros(image.shape)
    for row in range(height):
        for column in range(width):
            x, y, _ = matrix @ [column, row, 1]
            x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
            left, top = min(int(x), width - 2), min(int(y), height - 2)
            right, down = x - left, y - top
            result[row, column] = (
                image[top, left] * (1 - right) * (1 - down)
                + image[top, left + 1] * right * (1 - down)
                + image[top + 1, left] * (1 - right) * down
                + image[top + 1, left + 1] * right * down
            )
    return result
