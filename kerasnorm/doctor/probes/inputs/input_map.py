"""Affine maps of the channels of images, and the preparations that have names."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Channels that images have: gray, RGB, RGBA.
IMAGE_CHANNELS = (1, 3, 4)
# Features of a table at most: flattened images of 36 rows and columns in colour.
MOST_FEATURES = 4096
# Statistics of the ImageNet photos, from 0 to 255, as keras.applications subtracts
# them.
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406]) * 255
IMAGENET_STD = np.array([0.229, 0.224, 0.225]) * 255
CAFFE_MEAN = np.array([123.68, 116.779, 103.939])
# Pixels that images cover at least where their range is to be recognized.
LEAST_COVERED = 96.0


@dataclass(frozen=True)
class Preparation:
    """A usual way to prepare images of 0 to 255: `x * scale + offset`, in RGB order.

    Args:
        name: Its range, or its `mode` in keras.applications.
        scale: Factor of each of three channels.
        offset: What is added after it.
        channels: Whether it treats channels differently, so that there have to be 3.
    """

    name: str
    scale: np.ndarray
    offset: np.ndarray
    channels: bool = False


def _same(name: str, scale: float, offset: float) -> Preparation:
    return Preparation(name, np.full(3, scale), np.full(3, offset))


PREPARATIONS: tuple[Preparation, ...] = (
    _same("0..255", 1.0, 0.0),
    _same("0..1", 1 / 255, 0.0),
    _same("-1..1", 1 / 127.5, -1.0),
    Preparation("torch", 1 / IMAGENET_STD, -IMAGENET_MEAN / IMAGENET_STD, True),
    Preparation("caffe", np.ones(3), -CAFFE_MEAN, True),
)


@dataclass(frozen=True)
class InputMap:
    """What images go through before the network: a channel each, scaled and shifted.

    Args:
        scale: Factor of each channel of the network.
        offset: What is added after it.
        order: For each channel of the network the channel of the images it is made of.
        axis: Axis of the channels in a batch.
        preparation: Name of the preparation that comes out, None for any other. What
            has more channels than images have is a table of features.

    Example:
        >>> InputMap((1 / 255,) * 3, (0.0,) * 3, (0, 1, 2)).apply(images)
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]
    order: tuple[int, ...]
    axis: int = -1
    preparation: str | None = None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Return the images as the network gets them, float32."""
        shape = [1] * x.ndim
        shape[self.axis] = -1
        x = x.astype("float32")
        if self.is_reordered:
            x = np.take(x, self.order, axis=self.axis)
        scale, offset = (
            np.asarray(values, "float32").reshape(shape)
            for values in (self.scale, self.offset)
        )
        return np.ascontiguousarray(x * scale + offset, "float32")

    @property
    def is_reordered(self) -> bool:
        """Whether channels change places."""
        return self.order != tuple(range(len(self.order)))

    @property
    def factor(self) -> float:
        """Common factor: the geometric mean of the channels' ones."""
        return float(np.exp(np.log(np.abs(self.scale) + np.float64(1e-300)).mean()))

    @property
    def name(self) -> str:
        """The map in words, such as `"x / 255"`."""
        scale, offset = np.array(self.scale), np.array(self.offset)
        tolerance = 1e-3 * max(self.factor, np.abs(offset).max())
        alike = np.ptp(scale) < 1e-3 * self.factor and np.ptp(offset) <= tolerance
        if alike:
            text = _formula(float(scale.mean()), float(offset.mean()))
        elif len(scale) > max(IMAGE_CHANNELS) and self.preparation:
            text = f"each feature {self.preparation}"
        else:
            text = f"x * {_list(scale)} + {_list(offset)}, channel by channel"
        if not self.is_reordered:
            return text
        letters = "RGBA"[: len(self.order)]
        order = f"channels in the order {''.join(letters[i] for i in self.order)}"
        return order if text == "x" else f"{order}, then {text}"


def _formula(scale: float, offset: float) -> str:
    text = "x"
    if scale == -1:
        return f"{offset:.4g} - x"
    if abs(scale) < 0.1:
        text = f"x / {1 / scale:.4g}"
    elif abs(scale - 1) > 1e-6:
        text = f"x * {scale:.4g}"
    if abs(offset) <= 1e-6 * max(1.0, abs(scale)):
        return text
    return f"{text} {'-' if offset < 0 else '+'} {abs(offset):.4g}"


def _list(values: np.ndarray) -> str:
    return "[" + ", ".join(f"{value:.4g}" for value in values) + "]"


def identity(x: np.ndarray, axis: int = -1) -> InputMap:
    """Return the map that leaves images as they are."""
    count = x.shape[axis]
    return InputMap((1.0,) * count, (0.0,) * count, tuple(range(count)), axis)


def channel_axis(shape: tuple[int | None, ...]) -> int | None:
    """Return the axis of the channels of a batch of images, None for other inputs.

    Args:
        shape: Shape of a batch, (samples, rows, columns, channels) or
            (samples, channels, rows, columns).
    """
    if len(shape) != 4:
        return None
    if shape[-1] in IMAGE_CHANNELS:
        return -1
    return 1 if shape[1] in IMAGE_CHANNELS else None


def is_table(x: np.ndarray) -> bool:
    """Return whether inputs are features, of a sample or of each of its steps.

    Gray images without an axis of channels, and flattened ones, count as such.
    """
    if x.ndim not in (2, 3) or x.dtype.kind not in "fu":
        return False
    return 2 <= x.shape[-1] <= MOST_FEATURES


def feature_maps(x: np.ndarray) -> Iterator[InputMap]:
    """Yield the usual preparations of features, fitted to these samples.

    Args:
        x: Features of (samples, features) or (samples, steps, features); where their
            range is that of images, the preparations of these come first.
    """
    count = x.shape[-1]
    straight, given = tuple(range(count)), _range_of(x, -1)
    for preparation in _preparations(count):
        if given is not None and not preparation.channels:
            factor = preparation.scale[0] / given.scale[0]
            shift = preparation.offset[0] - factor * given.offset[0]
            scales, offsets = (float(factor),) * count, (float(shift),) * count
            yield InputMap(scales, offsets, straight, -1, preparation.name)
    flat = x.reshape(-1, x.shape[-1]).astype("float64")
    low, spread = flat.min(axis=0), np.ptp(flat, axis=0)
    for name, centre, width in (
        ("standardized", flat.mean(axis=0), flat.std(axis=0)),
        ("scaled to 0..1", low, spread),
        ("scaled to -1..1", low + spread / 2, spread / 2),
    ):
        scale = 1 / np.where(width > 0, width, 1.0)
        offset = tuple((-centre * scale).tolist())
        yield InputMap(tuple(scale.tolist()), offset, straight, -1, name)


@dataclass(frozen=True)
class _Range:
    """How images have been prepared: scale and offset of each channel, its colour."""

    scale: np.ndarray
    offset: np.ndarray
    colours: np.ndarray


def _range_of(x: np.ndarray, axis: int) -> _Range | None:
    """Return how images have been prepared by their range, None where nothing fits."""
    count = x.shape[axis]
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    low, high = x.min(axis=others), x.max(axis=others)
    best, covered = None, LEAST_COVERED
    for preparation in _preparations(count):
        for colours in _orders(count):
            scale, offset = _channels(preparation, colours)
            first, last = (low - offset) / scale, (high - offset) / scale
            inside = first.min() > -3 and last.max() < 258
            if inside and (last - first).max() > covered + 1e-6:
                best = _Range(scale, offset, np.array(colours))
                covered = float((last - first).max())
    return best


def named_maps(x: np.ndarray, axis: int) -> Iterator[InputMap]:
    """Yield the maps of these images to each usual preparation, in RGB and BGR order.

    Args:
        x: Images, whose range tells how they have been prepared. Where it does not,
            the scales and offsets are taken as they are.
        axis: Axis of the channels.
    """
    count = x.shape[axis]
    orders = _orders(count)
    given = _range_of(x, axis) or _Range(
        np.ones(count), np.zeros(count), np.arange(count)
    )
    for preparation in _preparations(count):
        for order in orders:
            turned = np.array(order)
            colours = given.colours[turned]
            scale, offset = _channels(preparation, tuple(colours))
            factor = scale / given.scale[turned]
            shift = offset - factor * given.offset[turned]
            yield InputMap(
                tuple(map(float, factor)),
                tuple(map(float, shift)),
                order,
                axis,
                _named(preparation, tuple(colours) == orders[0]),
            )


def negative_of(images: InputMap, x: np.ndarray) -> InputMap:
    """Return a map for the negatives of images: white where they are black.

    Args:
        images: The map for the images themselves.
        x: The images, whose range, or else whose mean, is turned over.
    """
    given = _range_of(x, images.axis)
    if given is None:
        others = tuple(i for i in range(x.ndim) if i != images.axis % x.ndim)
        middle = x.mean(axis=others, dtype="float64")
    else:
        middle = given.offset + 127.5 * given.scale
    scale, offset = np.array(images.scale), np.array(images.offset)
    offset = offset + 2 * scale * middle[np.array(images.order)]
    return InputMap(
        tuple(map(float, -scale)),
        tuple(map(float, offset)),
        images.order,
        images.axis,
        images.preparation and f"{images.preparation}, negative",
    )


def _orders(count: int) -> list[tuple[int, ...]]:
    """Return the orders of channels that libraries read images in."""
    straight = tuple(range(count))
    return [straight] if count < 3 else [straight, (2, 1, 0, *straight[3:])]


def _preparations(count: int) -> list[Preparation]:
    return [p for p in PREPARATIONS if count == 3 or not p.channels]


def _named(preparation: Preparation, straight: bool) -> str:
    """Return the name of a preparation with its order, if that is not the usual one."""
    if preparation.name == "caffe":
        return "caffe, RGB" if straight else "caffe"
    return preparation.name if straight else f"{preparation.name}, BGR"


def _channels(
    preparation: Preparation, colours: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return scale and offset of each channel; a fourth one is like the rest."""
    places = np.minimum(np.array(colours), 2)
    return preparation.scale[places], preparation.offset[places]
