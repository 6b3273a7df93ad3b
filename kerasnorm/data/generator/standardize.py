"""ImageDataGenerator's normalization: per image, per data set, and whitening."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError

# Added to every standard deviation, as in Keras' class.
EPSILON = 1e-6


def standardize_batch(options: Any, images: np.ndarray) -> np.ndarray:
    """Normalize images as the options say.

    The order is: preprocessing function, rescale, then the image's own mean and
    standard deviation, the data set's mean and standard deviation, and whitening.

    Args:
        options: The ImageDataGenerator.
        images: Floats, (batch, height, width, channels) or channels first as the
            options say. They may be overwritten.

    Returns:
        Array of the same shape.
    """
    if options.preprocessing_function is not None:
        for position, image in enumerate(images):
            result = options.preprocessing_function(image)
            if options.compat == "fixed":
                check_preprocessed(result, image)
            images[position] = result
    if options.rescale:
        images *= options.rescale
    axes = tuple(range(1, images.ndim))
    if options.samplewise_center:
        images -= np.mean(images, axis=axes, keepdims=True)
    if options.samplewise_std_normalization:
        images /= np.std(images, axis=axes, keepdims=True) + EPSILON
    if options.featurewise_center and fitted(options, "mean", "featurewise_center"):
        images -= options.mean
    if options.featurewise_std_normalization and fitted(
        options, "std", "featurewise_std_normalization"
    ):
        images /= options.std + EPSILON
    if options.zca_whitening and fitted(
        options, "zca_whitening_matrix", "zca_whitening"
    ):
        flat = images.reshape(len(images), -1) @ options.zca_whitening_matrix
        images = flat.reshape(images.shape)
    return images


def check_preprocessed(result: Any, image: np.ndarray) -> None:
    """Raise DataError unless a preprocessing function has returned an image."""
    received = "None" if result is None else f"shape {np.shape(result)}"
    if result is None or np.shape(result) != image.shape:
        raise DataError(
            "Expected `preprocessing_function` to return an image of the shape it is "
            "given, "
            f"{image.shape}. Received: {received}. Does it return its result, and is "
            "the size set by `target_size`?"
        )


def has_normalization(options: Any) -> bool:
    """Say whether `standardize_batch` does anything with these options."""
    return bool(
        options.preprocessing_function is not None
        or options.rescale
        or options.samplewise_center
        or options.featurewise_center
    )


def fitted(options: Any, statistic: str, option: str) -> bool:
    """Say whether `fit` has computed a statistic; raise RuntimeError if it must have.

    Keras' class only warns and hands on images that are not normalized.
    """
    if getattr(options, statistic) is not None:
        return True
    if options.compat == "fixed":
        raise RuntimeError(
            f"Expected statistics of the data set, which `{option}` needs, but none "
            "are "
            "known yet. Call `fit(images)` first."
        )
    return False


def fit_statistics(options: Any, images: np.ndarray) -> None:
    """Set mean, standard deviation and whitening matrix of the options from images.

    Args:
        options: The ImageDataGenerator.
        images: Floats, rank 4, with the channels where the options say.
    """
    axes = tuple({0, 1, 2, 3} - {options.channel_axis})
    if options.featurewise_center:
        options.mean = column_statistic(np.mean, images, axes)
        images = images - options.mean
    if options.featurewise_std_normalization:
        options.std = column_statistic(np.std, images, axes)
        images = images / (options.std + EPSILON)
    if options.zca_whitening:
        options.zca_whitening_matrix = whitening_matrix(
            images.reshape(len(images), -1), options.zca_epsilon
        )


def column_statistic(
    statistic: Callable[..., np.ndarray], images: np.ndarray, axes: tuple[int, ...]
) -> np.ndarray:
    """Return a mean or std over a data set, summed in float64.

    A float32 sum stops growing after some ten million pixels of 255.
    """
    value = statistic(images, axis=axes, keepdims=True, dtype=np.float64)[0]
    return value.astype(images.dtype)


def whitening_matrix(flat: np.ndarray, epsilon: float) -> np.ndarray:
    """Return the matrix that whitens centred data while staying close to it.

    ZCA: with flat.T = U diag(d) V^T and n samples, U diag(1 / sqrt(d^2 / n + epsilon))
    U^T.

    Args:
        flat: (samples, features).
        epsilon: Added to each variance, so that directions without any stay finite.

    Returns:
        (features, features).
    """
    directions, spread, _ = np.linalg.svd(flat.T, full_matrices=False)
    scale = 1 / np.sqrt(spread**2 / len(flat) + epsilon)
    return (directions * scale) @ directions.T
