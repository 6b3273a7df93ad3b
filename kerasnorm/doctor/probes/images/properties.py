"""Properties of images in memory: how each is measured, and changed alone.

`kerasnorm.data.scan.properties` measures files; a network sees arrays of one size and
of any range, and to find out what a property does to it, the property has to be set.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Images at a time, to bound the memory.
CHUNK = 64
# Width of the frame, as a fraction of the side.
FRAME = 1 / 16
# Contrast and saturation change by this factor at most: beyond it there is only noise.
FARTHEST = 4.0
# Amounts of an image blurred once more that are taken away: -1 is the blurred image.
AMOUNTS = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.5, 1.0, 2.0, 4.0)
BLUR_WIDTH = 5


@dataclass(frozen=True)
class Property:
    """One property of an image.

    Args:
        name: Its name in reports.
        less: What an image with a small value is called.
        more: What one with a large value is called.
        measure: Function of images in 0..1 to a value for each.
        change: Function of images in 0..1, their values and others to images that have
            these, as far as the range allows.
        layer: Augmentation of Keras that varies it, empty where there is none.
        colours: Whether it needs three channels.
    """

    name: str
    less: str
    more: str
    measure: Callable[[np.ndarray], np.ndarray]
    change: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    layer: str = ""
    colours: bool = False


def _each(values: np.ndarray) -> np.ndarray:
    return values.astype("float32")[:, None, None, None]


def _gray(images: np.ndarray) -> np.ndarray:
    return images.mean(axis=3)


def _brightness(images):
    return images.mean(axis=(1, 2, 3))


def _brighten(images, values, wanted):
    return images + _each(wanted - values)


def _contrast(images):
    return _gray(images).std(axis=(1, 2))


def _stretch(images, values, wanted):
    middle = images.mean(axis=(1, 2, 3), keepdims=True)
    return middle + (images - middle) * _factor(values, wanted)


def _factor(values, wanted):
    factors = wanted / np.maximum(values, 1e-6)
    return _each(np.clip(factors, 1 / FARTHEST, FARTHEST))


def _sharpness(images):
    gray = _gray(images)
    steps = sum(np.abs(np.diff(gray, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    return steps / np.maximum(gray.std(axis=(1, 2)), 1e-3)


def _sharpen(images, values, wanted):
    blurred = images
    for axis in (1, 2):
        blurred = ndimage.uniform_filter1d(blurred, BLUR_WIDTH, axis, mode="nearest")
    finest = images - blurred
    found = np.stack([_sharpness(images + a * finest) for a in AMOUNTS], axis=1)
    # Noise can make the smallest amounts the sharper ones.
    found = np.maximum.accumulate(found, axis=1)
    amounts = [np.interp(w, f, AMOUNTS) for w, f in zip(wanted, found, strict=True)]
    return images + _each(np.array(amounts)) * finest


def _saturation(images):
    return (images.max(axis=3) - images.min(axis=3)).mean(axis=(1, 2))


def _saturate(images, values, wanted):
    gray = images.mean(axis=3, keepdims=True)
    return gray + (images - gray) * _factor(values, wanted)


# Balances of the channels, which leave brightness as it is.
_WARM, _GREEN = np.array([1.0, 0.0, -1.0]), np.array([-0.5, 1.0, -0.5])


def _warmth(images):
    return images.mean(axis=(1, 2)) @ _WARM


def _warm(images, values, wanted):
    return images + _each((wanted - values) / 2) * _WARM.astype("float32")


def _greenness(images):
    return images.mean(axis=(1, 2)) @ _GREEN


def _tint_green(images, values, wanted):
    return images + _each((wanted - values) / 1.5) * _GREEN.astype("float32")


def _frame(images: np.ndarray) -> np.ndarray:
    """Return a mask of (height, width) that is true in the frame of the images."""
    mask = np.ones(images.shape[1:3], bool)
    rows, columns = (max(1, round(FRAME * side)) for side in images.shape[1:3])
    mask[rows:-rows, columns:-columns] = False
    return mask


def _border(images):
    gray, mask = _gray(images), _frame(images)
    return gray[:, mask].mean(axis=1) - gray[:, ~mask].mean(axis=1)


def _shift_border(images, values, wanted):
    return images + _each(wanted - values) * _frame(images)[None, :, :, None]


PROPERTIES: tuple[Property, ...] = (
    Property(
        "brightness", "dark", "bright", _brightness, _brighten, "RandomBrightness(0.3)"
    ),
    Property("contrast", "flat", "rich", _contrast, _stretch, "RandomContrast(0.5)"),
    Property(
        "sharpness", "blurred", "sharp", _sharpness, _sharpen, "RandomGaussianBlur()"
    ),
    Property(
        "saturation",
        "pale",
        "colourful",
        _saturation,
        _saturate,
        "RandomSaturation((0.2, 0.8))",
        True,
    ),
    Property(
        "warmth",
        "bluish",
        "reddish",
        _warmth,
        _warm,
        "RandomColorJitter(hue_factor=0.2)",
        True,
    ),
    Property(
        "green",
        "purplish",
        "greenish",
        _greenness,
        _tint_green,
        "RandomColorJitter(hue_factor=0.2)",
        True,
    ),
    Property(
        "border",
        "dark-framed",
        "bright-framed",
        _border,
        _shift_border,
        "RandomZoom((-0.2, 0))",
    ),
)


@dataclass(frozen=True)
class Scale:
    """Black and white of images in any range.

    Args:
        low: What is black.
        high: What is white.
    """

    low: float
    high: float

    def unit(self, images: np.ndarray) -> np.ndarray:
        """Return images in 0..1."""
        return (images.astype("float32") - self.low) / (self.high - self.low)

    def back(self, images: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Return images of 0..1, clipped, in their own range and type."""
        values = np.clip(images, 0, 1) * (self.high - self.low) + self.low
        return (values.round() if dtype.kind in "iu" else values).astype(dtype)


def scale_of(images: np.ndarray) -> Scale | None:
    """Return what is black and white, None for what are no images.

    Args:
        images: Numbers of (images, height, width, channels).
    """
    if images.dtype.kind not in "fiu" or images.shape[3] > 3 or min(images.shape) < 1:
        return None
    if min(images.shape[1:3]) < 8:
        return None
    low, high = float(images.min()), float(images.max())
    return Scale(low, high) if np.isfinite([low, high]).all() and high > low else None


def properties_of(channels: int) -> tuple[Property, ...]:
    """Return the properties that images of so many channels have."""
    return tuple(p for p in PROPERTIES if channels == 3 or not p.colours)


def measure_properties(images: np.ndarray, scale: Scale) -> dict[str, np.ndarray]:
    """Measure every property of every image.

    Args:
        images: Numbers of (images, height, width, channels).
        scale: Black and white.
    """
    chunks = [scale.unit(images[i : i + CHUNK]) for i in range(0, len(images), CHUNK)]
    return {
        p.name: np.concatenate([p.measure(chunk) for chunk in chunks]).astype("float64")
        for p in properties_of(images.shape[3])
    }


def change_property(
    images: np.ndarray,
    scale: Scale,
    name: str,
    values: np.ndarray,
    wanted: np.ndarray,
) -> np.ndarray:
    """Return images that differ in one property alone.

    Args:
        images: Numbers of (images, height, width, channels).
        scale: Black and white.
        name: Name of the property.
        values: Its value in each image.
        wanted: The value that each should have.
    """
    change = by_name(name).change
    parts = [
        scale.back(
            change(scale.unit(images[part]), values[part], wanted[part]), images.dtype
        )
        for i in range(0, len(images), CHUNK)
        for part in [slice(i, i + CHUNK)]
    ]
    return np.concatenate(parts)


def by_name(name: str) -> Property:
    """Return a property by its name."""
    return next(p for p in PROPERTIES if p.name == name)
