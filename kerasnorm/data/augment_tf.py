"""Applies warps and colour maps to a batch of pictures with TensorFlow operations."""

import tensorflow as tf

# ITU-R BT.601, the weights Pillow uses for gray.
LUMA = (0.299, 0.587, 0.114)


def warp(
    images,
    matrices,
    output_size: tuple[int, int],
    *,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
):
    """Sample every picture of a batch through its own affine matrix.

    Compiled by XLA into one fused gather, four times as fast as
    `ImageProjectiveTransformV3`, with SciPy's rules at the border.

    Args:
        images: (batch, height, width, channels), any number type.
        matrices: From output to input (row, column, 1), (batch, 2, 3). Positions are
            computed in their type: float32 is twice as fast, float64 decides at the
            border as SciPy does.
        output_size: Height and width in pixels of the result.
        fill_mode: "nearest", "constant", "reflect" or "wrap", as in `scipy.ndimage`.
        cval: Value beyond the border for "constant".
        order: 0 takes the nearest pixel, 1 interpolates linearly.

    Returns:
        float32 tensor, (batch, *output_size, channels).
    """
    _, height, width, channels = images.shape
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
    y, inside_y = into_picture(positions[:, 0], height, fill_mode)
    x, inside_x = into_picture(positions[:, 1], width, fill_mode)
    pixels = tf.reshape(images, [-1, channels])
    first = tf.range(tf.shape(images)[0])[:, None] * (height * width)

    def at(row, column):
        row = border_index(row, height, fill_mode)
        column = border_index(column, width, fill_mode)
        return tf.cast(tf.gather(pixels, first + row * width + column), tf.float32)

    if order == 0:
        result = at(tf.floor(y + 0.5), tf.floor(x + 0.5))
    else:
        top, left = tf.floor(y), tf.floor(x)
        down = tf.cast(y - top, tf.float32)[..., None]
        right = tf.cast(x - left, tf.float32)[..., None]
        upper = at(top, left) * (1 - right) + at(top, left + 1) * right
        lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
        result = upper * (1 - down) + lower * down
    if fill_mode == "constant":
        inside = (inside_y & inside_x)[..., None]
        result = tf.where(inside, result, tf.cast(cval, tf.float32))
    return tf.reshape(result, [-1, *output_size, channels])


def level(images, shifts, factors, value_range: tuple[float, float]):
    """Shift all channels of each picture, then scale its brightness.

    Args:
        images: float32, (batch, height, width, channels); of four channels the last
            is alpha, whose brightness stays.
        shifts: Value to add; the picture's own extremes stay the extremes, (batch,);
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


def into_picture(position, length: int, fill_mode: str):
    """Map positions along one axis as the fill mode asks, and say which were inside."""
    last = tf.constant(length - 1, position.dtype)
    inside = (position >= 0) & (position <= last)
    if fill_mode == "wrap" and length > 1:
        # SciPy's "wrap" repeats every length - 1 pixels: the first and the last pixel
        # lie on top of each other.
        below = position + last * (tf.floor(-position / last) + 1)
        above = position - last * tf.floor(position / last)
        position = tf.where(position < 0, below, position)
        position = tf.where(position > last, above, position)
        return position, inside
    if fill_mode == "reflect":
        period = tf.constant(2 * length, position.dtype)
        below = position + period * tf.floor(-position / period)
        below = tf.where(below < -length, below + period, -below - 1)
        above = position - period * tf.floor(position / period)
        above = tf.where(above >= length, period - 1 - above, above)
        position = tf.where(position < 0, below, position)
        return tf.where(position > last, above, position), inside
    return tf.clip_by_value(position, tf.zeros_like(last), last), inside


def border_index(index, length: int, fill_mode: str):
    """Turn whole positions along one axis into indices of existing pixels."""
    index = tf.cast(index, tf.int32)
    if fill_mode == "reflect":
        # Interpolation reaches one pixel beyond the border, which mirrors.
        index = tf.where(index < 0, -1 - index, index)
        return tf.where(index >= length, 2 * length - 1 - index, index)
    return tf.clip_by_value(index, 0, length - 1)


def recolour(images, colours):
    """Change brightness, contrast, saturation and level of every picture of a batch.

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


# Compiled apart: fused into one, XLA would warp anew for every use of a pixel.
compiled_warp = tf.function(warp, jit_compile=True)
compiled_level = tf.function(level, jit_compile=True)
compiled_recolour = tf.function(recolour, jit_compile=True)
