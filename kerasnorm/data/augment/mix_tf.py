"""MixUp and CutMix: each image of a batch is blended with its neighbour."""

import numpy as np
import scipy.special
import tensorflow as tf

from kerasnorm.data.augment import stateless_random


def draw_mixes(
    mixup: float,
    cutmix: float,
    seed: int,
    epoch: int,
    samples: np.ndarray,
    image_size: tuple[int, int],
) -> np.ndarray:
    """Draw for each image how much of its neighbour it takes, and where.

    Args:
        mixup: Parameter alpha of the Beta distribution for blending; 0 is off.
        cutmix: The same for pasted boxes; 0 is off.
        seed: The run's seed.
        epoch: Number of the pass over the data.
        samples: Positions of the samples in the data set, (batch,).
        image_size: Height and width in pixels.

    Returns:
        Columns of (fraction of the neighbour in the blend, first and last row, first
        and last column of the box), (batch, 5); an empty box pastes nothing.

    Reference:
        Zhang et al., "mixup: Beyond empirical risk minimization", 2018. Yun et al.,
        "CutMix", 2019.
    """
    mixes = np.zeros((len(samples), 5))
    if not mixup and not cutmix:
        return mixes

    def uniform(stream: int) -> np.ndarray:
        return stateless_random.uniform(seed, epoch, samples, stream)

    chance = 0.5 if mixup and cutmix else float(mixup > 0)
    blends = uniform(stateless_random.MIX_KIND) < chance
    fraction = uniform(stateless_random.MIX_SHARE)
    if mixup:
        blended = scipy.special.betaincinv(mixup, mixup, fraction)
        mixes[:, 0] = np.where(blends, blended, 0.0)
    if cutmix:
        side = np.sqrt(scipy.special.betaincinv(cutmix, cutmix, fraction))
        for column, length, stream in (
            (1, image_size[0], stateless_random.MIX_TOP),
            (3, image_size[1], stateless_random.MIX_LEFT),
        ):
            middle = uniform(stream) * length
            first = np.clip(np.round(middle - side * length / 2), 0, length)
            last = np.clip(np.round(middle + side * length / 2), 0, length)
            mixes[:, column] = np.where(blends, 0, first)
            mixes[:, column + 1] = np.where(blends, 0, last)
    return mixes


def cut_and_mix(images, labels, mixes):
    """Blend every image with the next one of the batch, or paste a box of it.

    The labels take the neighbour's label by the same fraction of the image.

    Args:
        images: float32, (batch, height, width, channels).
        labels: Fractions of the classes, (batch, classes).
        mixes: From `draw_mixes`, (batch, 5).

    Returns:
        Images and labels of the same shapes.
    """
    blend, top, bottom, left, right = (
        part[:, None, None, None] for part in tf.unstack(mixes, axis=-1)
    )
    height, width = images.shape[1:3]
    rows = tf.range(height, dtype=tf.float32)[None, :, None, None]
    columns = tf.range(width, dtype=tf.float32)[None, None, :, None]
    boxed = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
    fraction = tf.where(boxed, 1.0, blend)
    images = images + fraction * (tf.roll(images, 1, axis=0) - images)
    # The fraction of the image that the box really covers, after clipping.
    fraction = tf.reduce_mean(fraction, axis=[1, 2])
    return images, labels + fraction * (tf.roll(labels, 1, axis=0) - labels)
