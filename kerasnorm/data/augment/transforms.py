"""Draws an augmentation's amounts and composes them: affine warps, colour maps."""

import numpy as np

from kerasnorm.data.augment import stateless_random
from kerasnorm.data.augment.augmentation import Augmentation

Amount = float | np.ndarray

# Crops are up to 4:3 wide or high, each as often: log ratios are drawn evenly.
CROP_RATIO = float(np.log(4 / 3))


def draw_warps(
    augmentation: Augmentation,
    seed: int,
    epoch,
    samples: np.ndarray,
    image_size: tuple[int, int],
) -> np.ndarray:
    """Draw one affine warp for each sample.

    Args:
        augmentation: The ranges.
        seed: The run's seed.
        epoch: Number of the pass over the data.
        samples: Positions of the samples in the data set, (batch,).
        image_size: Height and width in pixels.

    Returns:
        Matrices from output to input (row, column, 1), float64, (batch, 2, 3).
    """

    def between(low: Amount, high: Amount, stream: int) -> np.ndarray:
        return low + (high - low) * stateless_random.uniform(
            seed, epoch, samples, stream
        )

    def around(amount: Amount, stream: int) -> np.ndarray:
        return between(-amount, amount, stream)

    height, width = image_size
    area = between(augmentation.crop_area, 1.0, stateless_random.CROP_AREA)
    # No wider and no higher than the image.
    most = np.minimum(CROP_RATIO, -np.log(area))
    ratio = np.exp(around(most, stateless_random.CROP_RATIO))
    crop_width, crop_height = np.sqrt(area * ratio), np.sqrt(area / ratio)
    # How far the middle of the crop lies from that of the image.
    right = around(0.5, stateless_random.CROP_LEFT) * (1.0 - crop_width)
    down = around(0.5, stateless_random.CROP_TOP) * (1.0 - crop_height)
    return affine_matrices(
        image_size,
        theta=around(augmentation.rotation_range, stateless_random.ROTATION),
        tx=(
            around(augmentation.width_shift_range, stateless_random.WIDTH_SHIFT) + right
        )
        * width,
        ty=(
            around(augmentation.height_shift_range, stateless_random.HEIGHT_SHIFT)
            + down
        )
        * height,
        shear=around(augmentation.shear_range, stateless_random.SHEAR),
        zx=between(*augmentation.zoom_factors, stateless_random.WIDTH_ZOOM)
        * crop_width,
        zy=between(*augmentation.zoom_factors, stateless_random.HEIGHT_ZOOM)
        * crop_height,
        flip_horizontal=augmentation.horizontal_flip
        * (
            stateless_random.uniform(
                seed, epoch, samples, stateless_random.HORIZONTAL_FLIP
            )
            < 0.5
        ),
        flip_vertical=augmentation.vertical_flip
        * (
            stateless_random.uniform(
                seed, epoch, samples, stateless_random.VERTICAL_FLIP
            )
            < 0.5
        ),
    )


def affine_matrices(
    image_size: tuple[int, int],
    *,
    theta=0.0,
    tx=0.0,
    ty=0.0,
    shear=0.0,
    zx=1.0,
    zy=1.0,
    flip_horizontal=False,
    flip_vertical=False,
    middle: tuple[float, float] | None = None,
) -> np.ndarray:
    """Compose rotation, shift, shear, zoom and flips into one matrix for each image.

    In coordinates (x, y) of columns and rows, the output pixel at p takes its value
    from the input at C R T S Z C^-1 F p: rotation R = [[cos, -sin], [sin, cos]],
    shift T, shear S = [[1, -sin], [0, cos]], zoom Z = diag(zx, zy), C the shift of the
    origin to the middle of the image, F the flips.

    Args:
        image_size: Height and width in pixels.
        theta: Rotation in degrees.
        tx: Shift in the x direction, in pixels of the input.
        ty: Shift in the y direction, in pixels of the input.
        shear: Angle in degrees.
        zx: Zoom in the x direction; below 1 enlarges.
        zy: Zoom in the y direction; below 1 enlarges.
        flip_horizontal: Whether to mirror left to right.
        flip_vertical: Whether to turn upside down.
        middle: Point (x, y) that rotation, shear and zoom leave where it is; default:
            the middle of the image.

    Returns:
        Matrices from output to input (row, column, 1), float64, (batch, 2, 3); each
        amount may be one number or one for each image of the batch.
    """
    theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical = np.broadcast_arrays(
        *np.atleast_1d(theta, tx, ty, shear, zx, zy, flip_horizontal, flip_vertical)
    )
    cosine, sine = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
    along, across = np.cos(np.deg2rad(shear)), np.sin(np.deg2rad(shear))
    # The columns of R S Z, and the part of the shift that R turns.
    matrices = np.empty((len(theta), 2, 3))
    matrices[:, 0, 0] = cosine * zx
    matrices[:, 1, 0] = sine * zx
    matrices[:, 0, 1] = (-cosine * across - sine * along) * zy
    matrices[:, 1, 1] = (-sine * across + cosine * along) * zy
    matrices[:, 0, 2] = cosine * tx - sine * ty
    matrices[:, 1, 2] = sine * tx + cosine * ty
    last = np.array(image_size[::-1]) - 1.0
    centre = last / 2 if middle is None else np.array(middle)
    matrices[:, :, 2] += centre - matrices[:, :, :2] @ centre
    for axis, flipped in ((0, flip_horizontal), (1, flip_vertical)):
        flipped = np.asarray(flipped, bool)
        matrices[flipped, :, 2] += matrices[flipped, :, axis] * last[axis]
        matrices[flipped, :, axis] *= -1
    # From (x, y) to (row, column).
    return matrices[:, ::-1][:, :, [1, 0, 2]]


def rescaled(
    matrices: np.ndarray, from_size: tuple[int, int], to_size: tuple[int, int]
) -> np.ndarray:
    """Let warps of images of one size read from images stored at another.

    Args:
        matrices: From `affine_matrices`, (batch, 2, 3).
        from_size: Height and width in pixels the matrices were made for.
        to_size: Height and width in pixels of the stored images.

    Returns:
        Matrices from output pixels of `from_size` to stored pixels, (batch, 2, 3).
    """
    ratio = np.array(to_size) / np.array(from_size)
    matrices = matrices * ratio[:, None]
    # Pixel centres lie half a pixel inside the border at either size.
    matrices[:, :, 2] += (ratio - 1) / 2
    return matrices


def draw_colours(
    augmentation: Augmentation, seed: int, epoch, samples: np.ndarray
) -> np.ndarray:
    """Draw brightness, contrast, saturation and channel shift for each sample.

    Args:
        augmentation: The ranges.
        seed: The run's seed.
        epoch: Number of the pass over the data.
        samples: Positions of the samples in the data set, (batch,).

    Returns:
        float64 array, (batch, 4), in that order.
    """
    columns = []
    for pair, stream in (
        (augmentation.brightness_range, stateless_random.BRIGHTNESS),
        (augmentation.contrast_range, stateless_random.CONTRAST),
        (augmentation.saturation_range, stateless_random.SATURATION),
        (
            (-augmentation.channel_shift_range, augmentation.channel_shift_range),
            stateless_random.CHANNEL_SHIFT,
        ),
    ):
        low, high = pair or (1.0, 1.0)
        fraction = stateless_random.uniform(seed, epoch, samples, stream)
        columns.append(low + (high - low) * fraction)
    return np.stack(columns, axis=-1)
