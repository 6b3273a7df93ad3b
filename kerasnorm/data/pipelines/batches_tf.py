"""Decoded images to batches: shuffled and augmented for training, in order else."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.data.augment.augment_tf import compiled_color_jitter, warp
from kerasnorm.data.augment.augmentation import Augmentation
from kerasnorm.data.augment.erasing_tf import erase
from kerasnorm.data.augment.mix_tf import cut_and_mix
from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.data.pipelines.epoch_plan_tf import DRAWN, EpochPlan
from kerasnorm.data.pipelines.numpy_function_shutdown import safe_at_exit
from kerasnorm.data.pipelines.parallel_tf import map_in_parallel, without_autograph
from kerasnorm.data.pipelines.reading_tf import image_reader


def training_batches(
    decoded: DecodedImages,
    batch_size: int,
    augmentation: Augmentation | None = None,
    seed: int = 0,
    *,
    output_size: tuple[int, int] | None = None,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    random_erasing: float = 0.0,
    label_smoothing: float = 0.0,
    first_step: int = 0,
    balanced: bool = False,
) -> tf.data.Dataset:
    """Yield shuffled, augmented training batches without end.

    An epoch is `len(images) // batch_size` batches and a fresh permutation of all
    images; the remainder is left out. Batch number s is a pure function of the
    arguments and s: a run resumed at `first_step` sees exactly what an uninterrupted
    run would have seen, whatever the number of threads.

    Args:
        decoded: The decoded images.
        batch_size: Images in a batch, at most `len(images)`.
        augmentation: How images are varied; None leaves them as they are.
        seed: Decides order and augmentation.
        output_size: Height and width in pixels of the batches; None leaves the
            images' own. Cropped parts of larger images stay sharp; pixels are
            taken, not averaged, so more than twice the size gives jagged edges.
        mixup: Parameter alpha of the Beta distribution of mixing fractions; 0 is off.
        cutmix: The same for pasted boxes; with both on, each image takes either.
        random_erasing: Fraction of the images of which a box becomes noise, 0 to 1.
        label_smoothing: Fraction of the label spread over all classes, 0 to below 1.
        first_step: Number of batches to leave out at the beginning.
        balanced: Whether every class comes equally often, however many images it
            has; an epoch is then as long, but no permutation.

    Returns:
        Infinite dataset of (images, labels): float32 from 0 to 255,
        (batch, *output_size, 3), and float32 class fractions, (batch, classes); and of
        sample weights, float32, (batch,), where the images have such.

    Raises:
        DataError: The batch size does not fit the number of images.
    """
    check_batch_size(batch_size)
    if batch_size > len(decoded):
        raise DataError(
            f"Expected the batch size to be at most the number of training images, "
            f"{len(decoded)}. Received: {batch_size}. Take a smaller batch size or "
            "more images."
        )
    augmentation = augmentation or Augmentation.none()
    stored = decoded.image_size
    size = output_size or stored
    is_warped = augmentation.has_geometry or size != stored
    epochs = EpochPlan(
        decoded.labels,
        batch_size,
        augmentation,
        seed,
        stored,
        size,
        mixup,
        cutmix,
        random_erasing,
        first_step,
        balanced,
    )
    read, one_hot = image_reader(decoded), one_hot_labels(decoded, label_smoothing)
    weights = _weights_of(decoded)

    def batch(samples, warps, colours, mixes, erasures):
        varied = read(samples)
        if is_warped:
            varied = warp(
                varied,
                warps,
                size,
                fill_mode=augmentation.fill_mode,
                cval=augmentation.cval,
            )
        varied = tf.cast(varied, tf.float32)
        if augmentation.has_colour:
            varied = compiled_color_jitter(varied, colours)
        targets = one_hot(samples)
        if weights is not None:
            # The loss of mixed labels is the mean of the losses by their fractions:
            # each fraction counts by the weight of the image that it comes from.
            targets *= tf.gather(weights, samples)[:, tf.newaxis]
        if mixup or cutmix:
            varied, targets = cut_and_mix(varied, targets, mixes)
        if random_erasing:
            varied = erase(varied, erasures)
        if weights is None:
            return varied, targets
        return varied, *_without_weights(targets)

    return map_in_parallel(_drawn_batches(epochs), batch)


def _weights_of(decoded: DecodedImages):
    """Return the sample weights as a tensor, None where all images count alike."""
    if decoded.sample_weights is None:
        return None
    with tf.device("CPU:0"):
        return tf.constant(decoded.sample_weights, tf.float32)


def _without_weights(weighted):
    """Return class fractions and sample weights of fractions times weights."""
    weights = tf.reduce_sum(weighted, axis=-1)
    fractions = tf.math.divide_no_nan(weighted, weights[:, tf.newaxis])
    even = tf.ones_like(weighted) / weighted.shape[-1]
    return tf.where(weights[:, tf.newaxis] > 0, fractions, even), weights


def _drawn_batches(epochs: EpochPlan) -> tf.data.Dataset:
    """Yield what each batch draws, without end.

    Python draws many batches at once: a call for each would wait for the thread that
    trains.
    """
    draw = safe_at_exit(epochs.draw)

    def plans(chunk):
        parts = tf.numpy_function(draw, [chunk], [dtype for dtype, _ in DRAWN])
        for part, (_, shape) in zip(parts, DRAWN, strict=True):
            part.set_shape([None, epochs.batch_size, *shape])
        return tuple(parts)

    return (
        tf.data.Dataset.range(epochs.first_chunk, np.iinfo(np.int64).max)
        .map(without_autograph(plans))
        .prefetch(1)
        .flat_map(
            without_autograph(lambda *parts: tf.data.Dataset.from_tensor_slices(parts))
        )
        .apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    )


def evaluation_batches(
    decoded: DecodedImages, batch_size: int, center: tuple[int, int] | None = None
) -> tf.data.Dataset:
    """Yield every image once, in order and unchanged.

    Args:
        decoded: The decoded images.
        batch_size: Images in a batch; the last batch may be smaller.
        center: (height, width) in pixels of the middle part to yield, at most that of
            the images; None for the whole of them.

    Returns:
        Finite dataset of (images, labels): float32 from 0 to 255,
        (batch, height, width, 3), and float32 one-hot labels, (batch, classes). Its
        `file_paths` are those of the images, as Keras' datasets have them.

    Raises:
        DataError: The batch size is below 1.
    """
    check_batch_size(batch_size)
    read, one_hot = image_reader(decoded), one_hot_labels(decoded, 0.0)
    height, width = center or decoded.image_size
    top = (decoded.image_size[0] - height) // 2
    left = (decoded.image_size[1] - width) // 2

    def batch(samples):
        chosen = read(samples)[:, top : top + height, left : left + width]
        return tf.cast(chosen, tf.float32), one_hot(samples)

    numbers = tf.data.Dataset.range(len(decoded)).batch(batch_size)
    dataset = map_in_parallel(numbers, batch)
    dataset.file_paths = list(decoded.paths)
    return dataset


def one_hot_labels(decoded: DecodedImages, label_smoothing: float) -> Callable:
    """Return a function from positions to class fractions, (batch, classes).

    A table of all of them would need more memory than the images where there are many
    classes.

    Args:
        decoded: The images.
        label_smoothing: Fraction of the label spread over all classes, 0 to below 1.
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(
            "Expected `label_smoothing` to be from 0 to below 1. Received: "
            f"{label_smoothing!r}."
        )
    classes = len(decoded.class_names)
    spread = np.float32(label_smoothing / classes)
    own = spread + np.float32(1 - label_smoothing)
    with tf.device("CPU:0"):
        labels = tf.constant(decoded.labels)

    def one_hot(samples):
        return tf.one_hot(tf.gather(labels, samples), classes, own, spread)

    return one_hot


def check_batch_size(batch_size: int) -> None:
    """Raise DataError for a batch size below one."""
    if batch_size < 1:
        raise DataError(
            f"Expected the batch size to be at least 1. Received: {batch_size}."
        )
