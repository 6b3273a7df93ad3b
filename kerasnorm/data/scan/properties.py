"""Brightness, sharpness, information, size and colour of one image."""

import dataclasses

import numpy as np
from PIL import Image

# Larger images are shrunk to this side in pixels before their sharpness is measured:
# no pixel of a large photo is sharp, and a network sees it shrunk, too.
SHARPNESS_SIDE = 512
# Pixels over which the image is blurred again.
BLUR_WIDTH = 9
# Channels of a gray photo in a colour file differ by rounding only.
LARGEST_COLOUR = 2
COLOUR_SIDE = 128


@dataclasses.dataclass(frozen=True)
class ImageProperties:
    """What is measured of an image, independent of what it shows.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        dark_end: Brightness, 0 to 1, that 5% of the pixels are below.
        bright_end: Brightness, 0 to 1, that 99% of the pixels are below.
        blur: Fraction of the differences between neighbouring pixels that is left when
            the image is blurred once more: 0.2 to 0.5 for sharp photos, near 1 for
            blurred ones.
        entropy: Information of the gray values, 0 (one value) to 8 bits a pixel.
        is_gray: Whether no pixel has a colour.

    Reference:
        Crete et al. 2007, The Blur Effect, SPIE 6492 (`blur`).
    """

    width: int
    height: int
    dark_end: float
    bright_end: float
    blur: float
    entropy: float
    is_gray: bool

    @property
    def side(self) -> float:
        """Side in pixels of the square with as many pixels."""
        return float(np.sqrt(self.width * self.height))

    @property
    def aspect_ratio(self) -> float:
        """Shorter side over longer side."""
        return min(self.width, self.height) / max(self.width, self.height)


def properties_of(image: Image.Image) -> ImageProperties:
    """Measure an image.

    Args:
        image: A decoded image, RGB.
    """
    gray = image.convert("L")
    fractions = np.array(gray.histogram()) / (gray.width * gray.height)
    below = np.cumsum(fractions)
    used = fractions[fractions > 0]
    return ImageProperties(
        *image.size,
        dark_end=float(np.searchsorted(below, 0.05)) / 255,
        bright_end=float(np.searchsorted(below, 0.99)) / 255,
        blur=blur_of(gray),
        entropy=float(-np.sum(used * np.log2(used))),
        is_gray=is_gray(image),
    )


def blur_of(gray: Image.Image) -> float:
    """Return `ImageProperties.blur`.

    Args:
        gray: The image, of mode L.
    """
    from scipy import ndimage

    if max(gray.size) > SHARPNESS_SIDE:
        gray = gray.copy()
        gray.thumbnail((SHARPNESS_SIDE, SHARPNESS_SIDE), Image.Resampling.BOX)
    values = np.asarray(gray, np.float32)
    left = []
    for axis in (0, 1):
        again = ndimage.uniform_filter1d(values, BLUR_WIDTH, axis, mode="nearest")
        steps = np.abs(np.diff(values, axis=axis))
        lost = np.maximum(steps - np.abs(np.diff(again, axis=axis)), 0)
        total = float(steps.sum(dtype=np.float64))
        # A direction without any differences says nothing of sharpness.
        if total > 0:
            left.append(1 - float(lost.sum(dtype=np.float64)) / total)
    return max(left, default=0.0)


def is_gray(image: Image.Image) -> bool:
    """Say whether an image shows no colour, in a colour file too.

    Args:
        image: The image, RGB.
    """
    small = image.resize(
        (min(image.width, COLOUR_SIDE), min(image.height, COLOUR_SIDE)),
        Image.Resampling.BOX,
    )
    values = np.asarray(small, np.int16)
    return int(np.ptp(values, axis=-1).max()) <= LARGEST_COLOUR
