"""ImageDataGenerator's iterator over the images of an array."""

from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator.iterator import ImageIterator
from kerasnorm.data.generator.iterator_options import (
    IteratorOptions,
    check_switches,
)
from kerasnorm.data.generator.random_transforms import value_range_of

SUBSETS = ("training", "validation")


class ArrayIterator(ImageIterator):
    """Batches of images from an array, with optional targets and weights.

    Args:
        x: Images, rank 4; or a pair of images and further inputs, one array or a
            list of them, that are handed on unchanged.
        y: Targets, one for each image; None gives batches without targets.
        generator: The ImageDataGenerator.
        iterator_options: How to walk.
        sample_weight: A weight for each image.
        subset: "training" or "validation": a part of the data, as the generator's
            `validation_split` says; None is all of it.
        ignore_class_split: Accept parts with different sets of classes.

    Raises:
        DataError: Shapes or lengths do not fit, or the parts differ in their classes.
    """

    shown = ("image_shape", "subset")

    def __init__(
        self,
        x: Any,
        y: Any,
        generator: Any,
        iterator_options: IteratorOptions,
        *,
        sample_weight: Any = None,
        subset: str | None = None,
        ignore_class_split: bool = False,
    ):
        x, misc = split_inputs(x)
        x = np.asarray(x)
        y = None if y is None else np.asarray(y)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        if x.ndim != 4:
            raise DataError(
                "Expected images of rank 4, (samples, height, width, channels). "
                f"Received: shape {x.shape}. Add the missing axis."
            )
        check_switches(ignore_class_split=ignore_class_split)
        check_lengths(x, y=y, sample_weight=weights, misc=misc)
        if generator.compat == "fixed":
            check_finite("`y`", y)
            check_finite("`sample_weight`", weights)
        if subset is not None:
            check_subset(subset, generator)
            part = part_of(x, y, generator, subset, ignore_class_split)
            x, misc = x[part], [array[part] for array in misc]
            y = None if y is None else y[part]
            if weights is not None and generator.compat == "fixed":
                # Keras' class weighs each part as if it began with the first sample.
                weights = weights[part]
        if len(x) == 0:
            raise DataError("Expected images to iterate over. Received: 0.")
        self._value_range = value_range_of(x)
        if not np.isfinite(self._value_range).all() and generator.compat == "fixed":
            raise not_finite("`x`")
        validation = subset == "validation" and generator.compat == "fixed"
        channels = x.shape[generator.channel_axis]
        super().__init__(
            generator,
            len(x),
            iterator_options,
            channels=channels,
            augment=not validation,
        )
        self.x, self.x_misc, self.y, self.sample_weight = x, misc, y, weights
        self.subset = subset

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self.x.shape[1:]

    def read(self, samples: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return images, channels last."""
        images = self.x[samples]
        if self.data_format == "channels_first":
            images = np.moveaxis(images, 1, -1)
        return images

    def value_range(self, images: np.ndarray) -> tuple[float, float]:
        """Lowest and highest value a pixel can have, told from all images."""
        return self._value_range

    def with_targets(self, images: np.ndarray, samples: np.ndarray):
        """Return images with further inputs, targets and weights."""
        inputs: Any = images
        if self.x_misc:
            inputs = [images, *(array[samples] for array in self.x_misc)]
        if self.y is None:
            return inputs
        if self.sample_weight is None:
            return inputs, self.y[samples]
        return inputs, self.y[samples], self.sample_weight[samples]


def split_inputs(x: Any) -> tuple[Any, list[np.ndarray]]:
    """Part images from the further inputs of a (images, inputs) pair."""
    if not isinstance(x, tuple | list):
        return x, []
    if len(x) != 2:
        # A plain list of images.
        return x, []
    images, further = x
    if not isinstance(further, list):
        further = [further]
    return images, [np.asarray(array) for array in further]


def check_lengths(
    x: np.ndarray,
    *,
    y: np.ndarray | None,
    sample_weight: np.ndarray | None,
    misc: list[np.ndarray],
) -> None:
    """Raise DataError unless everything has one entry for each image."""
    named = [("y", y), ("sample_weight", sample_weight)]
    named += [("the further inputs of `x`", array) for array in misc]
    for name, array in named:
        length = None if array is None or array.ndim == 0 else len(array)
        if array is not None and length != len(x):
            raise DataError(
                f"Expected `x` and {name} to have the same length. Received: "
                f"{len(x)} and "
                f"{length}."
            )


def check_finite(name: str, values: np.ndarray | None) -> None:
    """Raise DataError for NaN or infinity, which would spread to every weight."""
    if values is not None and values.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(1))
        if len(wrong):
            raise not_finite(name, f" in {len(wrong)} rows, first in row {wrong[0]}")


def not_finite(name: str, where: str = "") -> DataError:
    """Return the error of values that are NaN or infinite."""
    return DataError(
        f"Expected {name} to hold finite numbers. Received: NaN or infinity{where}. "
        "Remove or "
        "replace them."
    )


def check_subset(subset: str, generator: Any) -> None:
    """Raise DataError for a part that does not exist or was not asked for."""
    if subset not in SUBSETS:
        raise DataError(
            f"Expected `subset` to be one of {', '.join(SUBSETS)}. Received: "
            f"{subset!r}."
        )
    is_split = generator.validation_split > 0 or generator.compat == "keras"
    if subset == "validation" and not is_split:
        raise DataError(
            "Expected a part of the data for `subset='validation'`. Received: "
            "`validation_split=0`. Set it in ImageDataGenerator, for example to 0.2."
        )


def is_continuous(targets: np.ndarray) -> bool:
    """Say whether targets are measurements: floats that are not whole numbers."""
    return np.issubdtype(targets.dtype, np.floating) and bool(
        np.any(targets != np.round(targets))
    )


def part_of(
    x: np.ndarray, y: np.ndarray | None, generator: Any, subset: str, ignore: bool
) -> slice:
    """Return the slice of a part: validation comes first, as in Keras' class."""
    border = int(len(x) * generator.validation_split)
    if y is not None and not ignore and not is_continuous(y):
        before, after = (
            np.unique(np.asarray(half)).tolist() for half in (y[:border], y[border:])
        )
        if before != after:
            raise DataError(
                "Expected the same classes in the validation part (the first "
                f"{border} samples) and the training part, but they have different "
                "classes. Shuffle the arrays first, or pass `ignore_class_split=True`."
            )
    return slice(0, border) if subset == "validation" else slice(border, None)
