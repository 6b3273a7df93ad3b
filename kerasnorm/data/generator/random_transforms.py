"""Applies ImageDataGenerator's transforms to images: a batch at once, or one."""

import concurrent.futures
import importlib.util
import os
from typing import Any

import numpy as np
import scipy.ndimage
from PIL import ImageEnhance

from kerasnorm.data.augment.augmentation import FILL_MODES
from kerasnorm.data.augment.transforms import affine_matrices

# TensorFlow's threads do not survive a fork: a process that Keras forked to make
# batches (`use_multiprocessing`) would wait for them for ever.
OWN_PROCESS = os.getpid()
GEOMETRY = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}


def transform_batch(
    options: Any,
    images: np.ndarray,
    parameters: dict[str, np.ndarray | None],
    value_range: tuple[float, float],
) -> np.ndarray:
    """Transform each image of a batch by its own parameters.

    Interpolation orders above 1, SciPy's rarer fill modes, forked processes, and
    machines without TensorFlow take the slow way, image by image.

    Args:
        options: The ImageDataGenerator.
        images: (batch, height, width, channels), any number type.
        parameters: From `draw_parameters`.
        value_range: Lowest and highest value a pixel can have.

    Returns:
        float32 array, (batch, height, width, channels).
    """
    if (
        options.interpolation_order > 1
        or options.fill_mode not in FILL_MODES
        or os.getpid() != OWN_PROCESS
        or importlib.util.find_spec("tensorflow") is None
    ):
        return one_by_one(options, images, parameters, value_range)
    from kerasnorm.data.augment import augment_tf
    from kerasnorm.data.images import zero_copy_tf

    geometry = {name: parameters[name] for name in GEOMETRY}
    flips = {name: parameters[name] for name in ("flip_horizontal", "flip_vertical")}
    if is_identity(geometry) and not any(np.any(flip) for flip in flips.values()):
        images = images.astype(np.float32)
    else:
        size = images.shape[1:3]
        matrices = affine_matrices(
            size, middle=middle_of(options, size), **geometry, **flips
        )
        jumps = options.fill_mode in ("constant", "wrap")
        if options.interpolation_order == 1 and not jumps:
            matrices = matrices.astype(np.float32)
        if images.dtype != np.uint8:
            images = images.astype(np.float32)
        images = zero_copy_tf.as_array(
            augment_tf.warp(
                images,
                matrices,
                size,
                fill_mode=options.fill_mode,
                cval=float(options.cval),
                order=options.interpolation_order,
            )
        )
    shifts, factors = parameters["channel_shift_intensity"], parameters["brightness"]
    if shifts is None and factors is None:
        return images
    if options.compat == "keras":
        return np.stack(
            [
                recolour_one(options, image, shift, factor, value_range)
                for image, shift, factor in zip(
                    images, each(shifts, images), each(factors, images), strict=True
                )
            ]
        ).astype(np.float32)
    return zero_copy_tf.as_array(
        augment_tf.compiled_channel_shift_and_brightness(
            images,
            None if shifts is None else shifts.astype(np.float32),
            None if factors is None else factors.astype(np.float32),
            value_range,
        )
    )


def each(values: np.ndarray | None, images: np.ndarray):
    """Return one value for each image, None for each where there are none."""
    return [None] * len(images) if values is None else values


def one_by_one(options, images, parameters, value_range) -> np.ndarray:
    """Transform a batch image by image with SciPy, in parallel."""

    def transform(position: int) -> np.ndarray:
        return transform_one(
            options,
            images[position].astype(np.float32),
            {
                name: None if values is None else values[position]
                for name, values in parameters.items()
            },
            value_range,
        )

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(transform, range(len(images)))))


def transform_one(
    options: Any,
    image: np.ndarray,
    parameters: dict[str, Any],
    value_range: tuple[float, float],
) -> np.ndarray:
    """Transform one image with SciPy, for any interpolation order and fill mode.

    Args:
        options: The ImageDataGenerator.
        image: (height, width, channels).
        parameters: As documented at `ImageDataGenerator.apply_transform`.
        value_range: Lowest and highest value a pixel can have.

    Returns:
        Array of the same shape; geometry alone keeps the type.
    """
    geometry = {
        name: parameters.get(name, identity) for name, identity in GEOMETRY.items()
    }
    if not is_identity(geometry):
        size = image.shape[:2]
        matrix = affine_matrices(size, middle=middle_of(options, size), **geometry)[0]
        image = np.stack(
            [
                scipy.ndimage.affine_transform(
                    image[..., channel],
                    matrix[:, :2],
                    matrix[:, 2],
                    order=options.interpolation_order,
                    mode=options.fill_mode,
                    cval=options.cval,
                )
                for channel in range(image.shape[-1])
            ],
            axis=-1,
        )
    shift = parameters.get("channel_shift_intensity")
    factor = parameters.get("brightness")
    image = recolour_one(options, image, shift, factor, value_range)
    if parameters.get("flip_horizontal"):
        image = image[:, ::-1]
    if parameters.get("flip_vertical"):
        image = image[::-1]
    return image


def recolour_one(options, image, shift, factor, value_range) -> np.ndarray:
    """Shift the channels and scale the brightness of one image."""
    if shift is not None:
        image = np.clip(image + shift, np.min(image), np.max(image))
    if factor is None:
        return image
    if options.compat == "keras":
        return legacy_brightness(image, factor)
    low, high = value_range
    bright = np.clip(low + (image - np.float32(low)) * factor, low, high)
    if image.shape[-1] == 4:
        bright[..., 3] = image[..., 3]
    return bright


def legacy_brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Scale brightness as Keras' class does: through whole numbers of 8 bits.

    Images from 0 to 1 come out black, which is the known bug; values outside of
    0 to 255 are stretched to that range and back.
    """
    import keras

    low, high = np.min(image), np.max(image)
    stretch = bool(low < 0 or high > 255)
    scaled = keras.utils.array_to_img(image, data_format="channels_last", scale=stretch)
    scaled = ImageEnhance.Brightness(scaled).enhance(factor)
    result = keras.utils.img_to_array(scaled, data_format="channels_last")
    return result / 255 * (high - low) + low if stretch else result


def is_identity(geometry: dict[str, Any]) -> bool:
    """Say whether geometric parameters leave every image where it is."""
    return all(
        np.all(np.equal(geometry[name], identity))
        for name, identity in GEOMETRY.items()
    )


def middle_of(options: Any, size: tuple[int, int]) -> tuple[float, float] | None:
    """Return the fixed point (x, y) of rotation and zoom; None is the middle.

    The legacy class takes half the height for x and half the width for y.
    """
    if options.compat == "keras":
        return (size[0] - 1) / 2, (size[1] - 1) / 2
    return None


def value_range_of(images: np.ndarray) -> tuple[float, float]:
    """Tell from images what their lowest and highest possible values are.

    Values up to 255 mean 0 to 255, floats up to 1 mean 0 to 1; anything else has its
    own extremes.
    """
    if images.dtype in (np.uint8, np.bool_):
        return 0.0, 255.0
    low, high = float(np.min(images)), float(np.max(images))
    if not 0 <= low <= high <= 255:
        return low, high
    is_unit = np.issubdtype(images.dtype, np.floating) and high <= 1
    return (0.0, 1.0) if is_unit else (0.0, 255.0)
