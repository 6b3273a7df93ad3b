"""Decoded pictures to batches: shuffled and augmented for training, in order else."""

import functools

import numpy as np
import tensorflow as tf

from kerasnorm.data import draws
from kerasnorm.data.augment import Augmentation
from kerasnorm.data.augment_tf import compiled_recolour, warp
from kerasnorm.data.errors import DataError
from kerasnorm.data.mix_tf import cut_and_mix, draw_mixes
from kerasnorm.data.pictures import Pictures
from kerasnorm.data.transforms import draw_colours, draw_warps


def training_batches(
    pictures: Pictures,
    batch_size: int,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    *,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    label_smoothing: float = 0.0,
    first_step: int = 0,
    balanced: bool = False,
) -> tf.data.Dataset:
    """Yield shuffled, augmented training batches without end.

    An epoch is `len(pictures) // batch_size` batches and a fresh permutation of all
    pictures; the remainder is left out. Batch number s is a pure function of the
    arguments and s: a run resumed at `first_step` sees exactly what an uninterrupted
    run would have seen, whatever the number of threads.

    Args:
        pictures: The decoded pictures.
        batch_size: Pictures in a batch, at most `len(pictures)`.
        augmentation: How pictures are varied; None leaves them as they are.
        seed: Decides order and augmentation.
        mixup: Parameter alpha of the Beta distribution of mixing shares; 0 is off.
        cutmix: The same for pasted boxes; with both on, each picture takes either.
        label_smoothing: Share of the label spread over all classes, 0 to below 1.
        first_step: Number of batches to leave out at the beginning.
        balanced: Whether every class comes equally often, however many pictures it
            has; an epoch is then as long, but no permutation.

    Returns:
        Infinite dataset of (pictures, labels): float32 from 0 to 255,
        (batch, height, width, 3), and float32 shares of the classes, (batch, classes).

    Raises:
        DataError: The batch size does not fit the number of pictures.
    """
    check_batch_size(batch_size)
    if batch_size > len(pictures):
        raise DataError(
            f"The batch size must be at most the number of training pictures, "
            f"{len(pictures)}. Received: {batch_size}. Take a smaller batch size or "
            "more pictures."
        )
    augmentation = augmentation or Augmentation.none()
    steps = len(pictures) // batch_size
    size = pictures.image_size

    @functools.lru_cache(maxsize=2)
    def order_of(epoch: int) -> np.ndarray:
        if balanced:
            return draws.balanced_order(seed, epoch, pictures.labels)
        return draws.epoch_order(seed, epoch, len(pictures))

    def plan(step: np.int64):
        epoch, position = divmod(int(step), steps)
        order = order_of(epoch)
        samples = order[position * batch_size : (position + 1) * batch_size]
        warps = draw_warps(augmentation, seed, epoch, samples, size)
        colours = draw_colours(augmentation, seed, epoch, samples)
        mixes = draw_mixes(mixup, cutmix, seed, epoch, samples, size)
        return (
            samples,
            pictures.images[samples],
            warps.astype(np.float32),
            colours.astype(np.float32),
            mixes.astype(np.float32),
        )

    labels = one_hot(pictures, label_smoothing)

    def vary(images, warps, colours):
        if augmentation.has_geometry:
            images = warp(
                images,
                warps,
                size,
                fill_mode=augmentation.fill_mode,
                cval=augmentation.cval,
            )
        images = tf.cast(images, tf.float32)
        if augmentation.has_colour:
            images = compiled_recolour(images, colours)
        return images

    def batch(step):
        # Gathered by NumPy: as a tensor, all pictures would be in memory twice.
        samples, images, warps, colours, mixes = tf.numpy_function(
            plan, [step], [tf.int64, tf.uint8, tf.float32, tf.float32, tf.float32]
        )
        samples.set_shape([batch_size])
        images.set_shape([batch_size, *pictures.images.shape[1:]])
        warps.set_shape([batch_size, 2, 3])
        colours.set_shape([batch_size, 4])
        mixes.set_shape([batch_size, 5])
        images = vary(images, warps, colours)
        targets = tf.gather(labels, samples)
        if mixup or cutmix:
            images, targets = cut_and_mix(images, targets, mixes)
        return images, targets

    return (
        tf.data.Dataset.range(first_step, np.iinfo(np.int64).max)
        .map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def evaluation_batches(pictures: Pictures, batch_size: int) -> tf.data.Dataset:
    """Yield every picture once, in order and unchanged.

    Args:
        pictures: The decoded pictures.
        batch_size: Pictures in a batch; the last batch may be smaller.

    Returns:
        Finite dataset of (pictures, labels): float32 from 0 to 255,
        (batch, height, width, 3), and float32 one-hot labels, (batch, classes).

    Raises:
        DataError: The batch size is below 1.
    """
    check_batch_size(batch_size)
    labels = one_hot(pictures, 0.0)

    def batch(samples):
        images = tf.numpy_function(pictures.images.__getitem__, [samples], tf.uint8)
        images.set_shape([None, *pictures.images.shape[1:]])
        return tf.cast(images, tf.float32), tf.gather(labels, samples)

    return (
        tf.data.Dataset.range(len(pictures))
        .batch(batch_size)
        .map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def one_hot(pictures: Pictures, label_smoothing: float):
    """Return the class shares of every picture, (pictures, classes)."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            "`label_smoothing` must be from 0 to below 1. Received: "
            f"{label_smoothing!r}."
        )
    classes = len(pictures.class_names)
    shares = np.full((len(pictures), classes), label_smoothing / classes, np.float32)
    shares[np.arange(len(pictures)), pictures.labels] += 1 - label_smoothing
    with tf.device("CPU:0"):
        return tf.constant(shares)


def check_batch_size(batch_size: int) -> None:
    """Raise DataError for a batch size below one."""
    if batch_size < 1:
        raise DataError(f"The batch size must be at least 1. Received: {batch_size}.")
