"""Applies warps and colour maps to a batch of images with TensorFlow operations."""

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

# ITU-R BT.601, the weights Pillow uses for gray.
LUMA = (0.299, 0.587, 0.114)


@functools.partial(tf.function, autograph=False)
def warp(
    images: Any,
    matrices: Any,
    output_size: tuple[int, int],
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
):
    """Sample every image of a batch through its own affine matrix.

    Compiled by XLA in two steps, with SciPy's rules at the border. In one step XLA
    would compute every position again for each channel; TensorFlow's own
    `ImageProjectiveTransformV3` takes several times as long. Both steps are one call
    from Python.

    Args:
        images: (batch, height, width, channels), any number type.
        matrices: From output to input (row, column, 1), (batch, 2, 3). Positions are
            computed in their type: float32 is faster, float64 decides at the border
            as SciPy does.
        output_size: Height and width in pixels of the result.
        fill_mode: "nearest", "constant", "reflect" or "wrap", as in `scipy.ndimage`.
        cval: Value beyond the border for "constant".
        order: 0 takes the nearest pixel, 1 interpolates linearly.

    Returns:
        float32 tensor, (batch, *output_size, channels).
    """
    places = compiled_sampling_grid(
        matrices,
        tuple(images.shape[1:3]),
        tuple(output_size),
        fill_mode=fill_mode,
        order=order,
    )
    return compiled_sample(images, places, tuple(output_size), cval=cval)


def sampling_grid(
    matrices: Any,
    size: tuple[int, int],
    output_size: tuple[int, int],
    *,
    fill_mode: str,
    order: int,
) -> tuple:
    """Say for every output pixel which input pixels it takes, and how much of each.

    Args:
        matrices: From output to input (row, column, 1), (batch, 2, 3).
        size: Height and width in pixels of the input.
        output_size: Height and width in pixels of the output.
        fill_mode: As in `warp`.
        order: As in `warp`.

    Returns:
        Index of the upper left pixel among all pixels of the batch, int32; fraction of
        the lower and of the right pixels, float32, or None for order 0; whether the
        place lies inside, bool, or None where that does not matter. Each is
        (batch, output pixels).
    """
    height, width = size
    rows, columns = tf.meshgrid(
        tf.range(output_size[0], dtype=matrices.dtype),
        tf.range(output_size[1], dtype=matrices.dtype),
        indexing="ij",
    )
    # In SciPy's order of the sum, so that in float64 a position that falls on the
    # border falls on the same side of it.
    offset, by_row, by_column = (matrices[:, :, None, part] for part in (2, 0, 1))
    positions = offset + by_row * tf.reshape(rows, [-1])
    positions += by_column * tf.reshape(columns, [-1])
    y, inside_y = apply_fill_mode(positions[:, 0], height, fill_mode)
    x, inside_x = apply_fill_mode(positions[:, 1], width, fill_mode)
    inside = inside_y & inside_x if fill_mode == "constant" else None
    down = right = None
    if order == 0:
        top, left = tf.floor(y + 0.5), tf.floor(x + 0.5)
    else:
        # The last pixel is reached as the second of a pair, so each has a neighbour.
        top = tf.minimum(tf.floor(y), max(height - 2, 0))
        left = tf.minimum(tf.floor(x), max(width - 2, 0))
        down, right = tf.cast(y - top, tf.float32), tf.cast(x - left, tf.float32)
    first = tf.range(tf.shape(matrices)[0])[:, None] * (height * width)
    index = first + tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    return index, down, right, inside


def sample(images: Any, places: tuple, output_size: tuple[int, int], *, cval: float):
    """Take the pixels that `sampling_grid` names.

    Args:
        images: (batch, height, width, channels), any number type.
        places: From `sampling_grid`.
        output_size: Height and width in pixels of the output.
        cval: Value for places that do not lie inside.

    Returns:
        float32 tensor, (batch, *output_size, channels).
    """
    index, down, right, inside = places
    _, height, width, channels = images.shape
    pixels = tf.reshape(images, [-1, channels])
    to_right, to_lower = int(width > 1), width if height > 1 else 0

    def at(step: int):
        return tf.cast(tf.gather(pixels, index + step), tf.float32)

    if down is None:
        result = at(0)
    else:
        down, right = down[..., None], right[..., None]
        upper = at(0) * (1 - right) + at(to_right) * right
        lower = at(to_lower) * (1 - right) + at(to_lower + to_right) * right
        result = upper * (1 - down) + lower * down
    if inside is not None:
        result = tf.where(inside[..., None], result, tf.cast(cval, tf.float32))
    return tf.reshape(result, [-1, *output_size, channels])


def apply_fill_mode(position: Any, length: int, fill_mode: str):
    """Map positions along one axis into the image, and say which were inside."""
    last = tf.constant(length - 1, position.dtype)
    inside = (position >= 0) & (position <= last)
    if fill_mode == "wrap" and length > 1:
        # SciPy's "wrap" repeats every length - 1 pixels: the first and the last pixel
        # lie on top of each other.
        below = position + last * (tf.floor(-position / last) + 1)
        above = position - last * tf.floor(position / last)
        outside = tf.where(position < 0, below, above)
        position = tf.where(inside, position, outside)
    elif fill_mode == "reflect":
        period = tf.constant(2 * length, position.dtype)
        below = position + period * tf.floor(-position / period)
        below = tf.where(below < -length, below + period, -below - 1)
        above = position - period * tf.floor(position / period)
        above = tf.where(above >= length, period - 1 - above, above)
        outside = tf.where(position < 0, below, above)
        position = tf.where(inside, position, outside)
    return tf.clip_by_value(position, tf.zeros_like(last), last), inside


def color_jitter(images: Any, colours: Any):
    """Change brightness, contrast, saturation and level of every image of a batch.

    Args:
        images: RGB from 0 to 255, float32, (batch, height, width, 3).
        colours: Factors of brightness, contrast and saturation, and the value to add,
            (batch, 4).

    Returns:
        float32 tensor of the same shape, from 0 to 255.
    """
    brightness, contrast, saturation, shift = (
        part[:, None, None, None]
        for part in tf.unstack(tf.cast(colours, tf.float32), axis=-1)
    )
    gray = tf.reduce_sum(images * tf.constant(LUMA), axis=-1, keepdims=True)
    mean = tf.reduce_mean(gray, axis=[1, 2], keepdims=True)
    coloured = saturation * images + (1 - saturation) * gray
    brightened = brightness * (contrast * coloured + (1 - contrast) * mean)
    return tf.clip_by_value(brightened + shift, 0.0, 255.0)


def adjust_channel_shift_and_brightness(
    images: Any, shifts: Any, factors: Any, value_range: tuple[float, float]
):
    """Shift all channels of each image, then scale its brightness.

    Args:
        images: float32, (batch, height, width, channels); of four channels the last
            is alpha, whose brightness stays.
        shifts: Value to add; the image's own extremes stay the extremes, (batch,);
            None leaves it out.
        factors: Factor of the distance from the lowest value, (batch,); None leaves
            it out.
        value_range: Lowest and highest value a pixel can have.

    Returns:
        float32 tensor of the same shape.
    """
    if shifts is not None:
        lowest = tf.reduce_min(images, axis=[1, 2, 3], keepdims=True)
        highest = tf.reduce_max(images, axis=[1, 2, 3], keepdims=True)
        shifted = images + shifts[:, None, None, None]
        images = tf.clip_by_value(shifted, lowest, highest)
    if factors is None:
        return images
    low, high = value_range
    factors = factors[:, None, None, None]
    bright = tf.clip_by_value(low + (images - low) * factors, low, high)
    if images.shape[-1] == 4:
        bright = tf.concat([bright[..., :3], images[..., 3:]], axis=-1)
    return bright


def compiled(function: Callable) -> Callable:
    """Compile with XLA for the processor, where batches are made on any machine."""
    fast = tf.function(function, jit_compile=True, autograph=False)

    @functools.wraps(function)
    def call(*arguments, **options):
        with tf.device("CPU:0"):
            return fast(*arguments, **options)

    return call


compiled_sampling_grid = compiled(sampling_grid)
compiled_sample = compiled(sample)
compiled_channel_shift_and_brightness = compiled(adjust_channel_shift_and_brightness)
compiled_color_jitter = compiled(color_jitter)
