"""Random erasing: a box of an image is filled with noise."""

import numpy as np
import tensorflow as tf

from kerasnorm.data.augment import stateless_random

# Those of the paper: fractions of the image's area, and height by width of the box.
AREAS = (0.02, 0.33)
RATIOS = (0.3, 1 / 0.3)
TRIES = 8


def draw_erasures(
    fraction: float,
    seed: int,
    epoch: int,
    samples: np.ndarray,
    image_size: tuple[int, int],
) -> np.ndarray:
    """Draw for each image the box that is erased.

    Args:
        fraction: Fraction of the images that lose a box, 0 to 1.
        seed: The run's seed.
        epoch: Number of the pass over the data.
        samples: Positions of the samples in the data set, (batch,).
        image_size: Height and width in pixels.

    Returns:
        First and last row, first and last column of the box, and the number that its
        noise is made from, int32 (batch, 5); an empty box erases nothing.

    Reference:
        Zhong et al. 2017, Random erasing data augmentation,
        https://arxiv.org/abs/1708.04896.
    """
    boxes = np.zeros((len(samples), 5), np.int32)
    if not fraction:
        return boxes

    def uniform(stream: int, number: int = 0) -> np.ndarray:
        # Every try is a pass of its own over as many samples again.
        return stateless_random.uniform(seed, epoch, samples + number * 2**40, stream)

    left = uniform(stateless_random.ERASING) < fraction
    for number in range(TRIES):
        area = AREAS[0] + uniform(stateless_random.ERASED_AREA, number) * (
            AREAS[1] - AREAS[0]
        )
        ratio = np.exp(
            np.log(RATIOS[0])
            + uniform(stateless_random.ERASED_RATIO, number)
            * np.log(RATIOS[1] / RATIOS[0])
        )
        pixels = area * image_size[0] * image_size[1]
        for column, length, side, stream in (
            (0, image_size[0], np.sqrt(pixels * ratio), stateless_random.ERASED_TOP),
            (2, image_size[1], np.sqrt(pixels / ratio), stateless_random.ERASED_LEFT),
        ):
            side = np.round(side).astype(int)
            first = (uniform(stream, number) * (length - side + 1)).astype(int)
            boxes[left, column] = first[left]
            boxes[left, column + 1] = (first + side)[left]
        # A box that does not fit into the image is drawn again.
        left &= (boxes[:, 1] > image_size[0]) | (boxes[:, 3] > image_size[1])
    boxes[left] = 0
    boxes[:, 4] = (
        stateless_random.random_bits(
            seed, epoch, samples, stateless_random.ERASED_NOISE
        )
        >> 33
    )
    return boxes


def erase(images, boxes):
    """Fill the box of every image with uniform noise.

    Args:
        images: float32 from 0 to 255, (batch, height, width, channels).
        boxes: From `draw_erasures`, (batch, 5).

    Returns:
        Images of the same shape.
    """
    top, bottom, left, right = (
        boxes[:, column, None, None, None] for column in range(4)
    )
    height, width = images.shape[1:3]
    rows = tf.range(height)[None, :, None, None]
    columns = tf.range(width)[None, None, :, None]
    inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    # One image of noise for the whole batch: noise is what takes the time here, and
    # the boxes lie elsewhere in every image.
    noise = tf.random.stateless_uniform(
        images.shape[1:], boxes[0, 4:5] * [1, 0], maxval=255.0
    )
    return tf.where(inside, noise, images)
