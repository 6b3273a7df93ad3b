"""What images a model file expects, and files of images in that form."""

import concurrent.futures
import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.data.errors import DataError, ImageError
from kerasnorm.data.images.decode import BILINEAR, Form, QuietPillow, open_content
from kerasnorm.data.images.decoded_images import INTERPOLATIONS, workers_or
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.store.recall import load_image, recall_images
from kerasnorm.doctor.losses.label_format import label_format
from kerasnorm.doctor.probes.inputs.input_map import channel_axis
from kerasnorm.training.settings.errors import UsageError

# Pillow's names of images of so many channels.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclasses.dataclass(frozen=True)
class ImageInput:
    """Images that a model takes.

    Args:
        size: Height and width in pixels.
        channels: 1 for gray, 3 for RGB, 4 for RGBA.
        axis: Axis of the channels in a batch, 1 or -1.
    """

    size: tuple[int, int]
    channels: int
    axis: int


def find_image_input(model: keras.Model) -> ImageInput:
    """Find out what images a model takes, from the shape of its input.

    Args:
        model: A model with known inputs.

    Raises:
        ValueError: If it does not take one image of a fixed size.
    """
    shape = getattr(model, "input_shape", None)
    axis = channel_axis(shape) if isinstance(shape, tuple) else None
    rest = () if axis is None else shape[1:3] if axis == -1 else shape[2:]  # type: ignore[index]
    if axis is None or None in rest:
        raise ValueError(
            "expected a model of gray, RGB or RGBA images of one size, received input "
            f"shape {shape}; build it with a height, a width and 1, 3 or 4 channels, "
            "or call kerasnorm.doctor.examine or kerasnorm.surgery with batches instead"
        )
    return ImageInput(tuple(rest), shape[axis], axis)  # type: ignore[index]


@dataclasses.dataclass(frozen=True)
class Decoding:
    """How files become inputs.

    Args:
        interpolation: One of `INTERPOLATIONS`, None for the first or, where the model
            can be asked, the one that fits it.
        rescale: Factor and offset, None for values from 0 to 255.
        preprocessing: Module of keras.applications whose `preprocess_input` is applied.

    Raises:
        UsageError: If both `rescale` and `preprocessing` are given, or there is no
            such module.
    """

    interpolation: str | None = None
    rescale: tuple[float, float] | None = None
    preprocessing: str | None = None

    def __post_init__(self) -> None:
        if self.rescale and self.preprocessing:
            raise UsageError(
                "expected --rescale or --preprocessing, received both; a function of "
                "keras.applications rescales by itself"
            )
        if self.preprocessing is not None:
            _application(self.preprocessing)

    @property
    def is_antialiased(self) -> bool:
        """Whether images are resized the library's own way."""
        return self.interpolation in (None, INTERPOLATIONS[0])

    @property
    def is_prepared(self) -> bool:
        """Whether somebody has said which values the model expects."""
        return bool(self.rescale or self.preprocessing)

    def describe(self, images: ImageInput) -> str:
        """Say in one sentence how files become inputs.

        Args:
            images: What the model takes.
        """
        height, width = images.size
        mode = {1: "gray", 3: "RGB", 4: "RGBA"}[images.channels]
        how = (
            "antialiased bilinear, turned upright"
            if self.is_antialiased
            else f"{self.interpolation} without antialiasing, as Keras loads them"
        )
        values = "float32 from 0 to 255"
        if self.rescale:
            scale, offset = self.rescale
            values = f"x * {scale:.6g} + {offset:.6g} of values from 0 to 255"
        elif self.preprocessing:
            values = f"keras.applications.{self.preprocessing}.preprocess_input"
        order = ", channels first" if images.axis == 1 else ""
        return f"images decoded to {height}x{width} {mode} ({how}), {values}{order}"


def parse_rescale(text: str) -> tuple[float, float]:
    """Read `FACTOR[,OFFSET]`, each a number or a fraction, such as `1/127.5,-1`.

    Args:
        text: What was given.

    Raises:
        UsageError: If it is nothing of the kind, or the factor is 0.
    """
    try:
        scale, offset = (_number(part) for part in [*text.split(","), "0"][:2])
        if text.count(",") > 1 or not scale or not np.isfinite([scale, offset]).all():
            raise ValueError(text)
    except (ValueError, ZeroDivisionError):
        raise UsageError(
            "expected --rescale FACTOR or FACTOR,OFFSET, such as 1/255 or 1/127.5,-1, "
            f"received {text!r}"
        ) from None
    return scale, offset


def _number(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below or "1")


def _application(name: str) -> Any:
    """Return `preprocess_input` of a module of keras.applications."""
    known = [
        module.name
        for module in pkgutil.iter_modules(keras.applications.__path__)
        if module.name != "imagenet_utils"
    ]
    plain = name.lower().replace("-", "_")
    if plain not in known:
        raise UsageError(
            "expected --preprocessing to be a module of keras.applications, one of "
            f"{', '.join(sorted(known))}, received {name!r}"
        )
    return importlib.import_module(f"keras.applications.{plain}").preprocess_input


class ImageBatches:
    """Batches of (images, labels) of files, decoded when they are asked for.

    Files that cannot be read are left out.

    Args:
        model: The model that is to get them.
        index: The files.
        decoding: How they become inputs.
        batch_size: Images in a batch.
        seed: Decides the order; None for that of the index.
        samples: Files to take at most.
        drop_remainder: Whether a smaller last batch is left out.

    Raises:
        ValueError: If the model takes no images of one size.
    """

    def __init__(
        self,
        model: keras.Model,
        index: ImageIndex,
        decoding: Decoding,
        batch_size: int,
        *,
        seed: int | None = None,
        samples: int | None = None,
        drop_remainder: bool = False,
    ) -> None:
        self.images = find_image_input(model)
        self.index, self.decoding = index, decoding
        order = np.arange(len(index))
        if seed is not None:
            order = np.random.default_rng(seed).permutation(order)
        self.order = order[:samples]
        self.size = min(batch_size, len(self.order))
        count = len(self.order) / max(self.size, 1)
        self.count = int(count) if drop_remainder else int(np.ceil(count))
        self.form = label_format(model, len(index.class_names))
        self.map: Any = None
        self.places = np.argsort(order, kind="stable")
        self.stored = None
        if decoding.is_antialiased and self.images.channels == 3:
            self.stored = recall_images(index.take(self.order), self.images.size)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[tuple[np.ndarray, Any]]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: Any) -> Any:
        if not 0 <= number < len(self):
            raise IndexError(number)
        files = self.order[number * self.size : (number + 1) * self.size]
        with (
            QuietPillow(),
            concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool,
        ):
            decoded = list(pool.map(self._decode, files))
        kept = [place for place, image in enumerate(decoded) if image is not None]
        if not kept:
            path = self.index.paths[files[0]]
            raise DataError(
                f"Expected an image in every {len(files)} files, received none that "
                f"can be read, the first of them {path}. Replace them."
            )
        x = self._prepare(np.stack([image for image in decoded if image is not None]))
        labels = self.index.labels[files[kept]]
        one_hot = np.eye(len(self.index.class_names), dtype="float32")[labels]
        y = keras.ops.convert_to_numpy(self.form(one_hot))
        return (x if self.map is None else self.map.apply(x)), y

    def _decode(self, file: int) -> np.ndarray | None:
        """Return one file as float32 of (height, width, channels), None if broken."""
        if self.stored is not None:
            known = load_image(self.stored, int(self.places[file]))
            if known is not None:
                return known.astype("float32")
        items, (height, width) = self.index.items, self.images.size
        mode, channels = MODES[self.images.channels], self.images.channels
        own = self.decoding.is_antialiased
        form = Form(mode, depth="keras", upright=False)
        if own:
            form = Form(mode, gray_bits=self.index.gray_bits)
        try:
            image = open_content(
                items.paths[file],
                items.read(file),
                self.images.size if own else None,
                form,
            )
            if own:
                image = image.resize((width, height), BILINEAR)
        except ImageError:
            return None
        values = np.asarray(image, "float32").reshape(*image.size[::-1], channels)
        if own:
            return values
        resized = keras.ops.image.resize(
            values,
            self.images.size,
            interpolation=self.decoding.interpolation,
            data_format="channels_last",
        )
        return keras.ops.convert_to_numpy(resized)

    def _prepare(self, x: np.ndarray) -> np.ndarray:
        if self.decoding.preprocessing:
            function = _application(self.decoding.preprocessing)
            x = np.asarray(function(x, data_format="channels_last"), "float32")
        elif self.decoding.rescale:
            scale, offset = self.decoding.rescale
            x = x * np.float32(scale) + np.float32(offset)
        return np.ascontiguousarray(np.moveaxis(x, -1, self.images.axis))
