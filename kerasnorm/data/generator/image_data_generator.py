"""ImageDataGenerator: Keras' class made right, fast, and safe to resume."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm.data.generator import options
from kerasnorm.data.generator.array_iterator import ArrayIterator
from kerasnorm.data.generator.dataframe_iterator import Columns, DataFrameIterator
from kerasnorm.data.generator.directory_iterator import DirectoryIterator
from kerasnorm.data.generator.file_iterator import FileFormat
from kerasnorm.data.generator.image_transforms import ImageTransforms
from kerasnorm.data.generator.iterator_options import IteratorOptions as Options


@dataclasses.dataclass(eq=False)
class ImageDataGenerator(ImageTransforms):
    """Generate batches of images with random transforms and normalization.

    A drop-in for `tf.keras.preprocessing.image.ImageDataGenerator`: the same arguments,
    methods and iterators. Every random draw is a pure function of (seed, epoch, sample
    index), decoded images are kept, and a batch is warped at once.

    Training iterators give transformed images. With `compat="fixed"` the validation
    part of a `validation_split` is only normalized; Keras' class transforms it too.

    Args:
        featurewise_center: Subtract the data set's mean; needs `fit`.
        samplewise_center: Subtract each image's mean.
        featurewise_std_normalization: Divide by the data set's std; needs `fit`.
        samplewise_std_normalization: Divide by each image's standard deviation.
        zca_whitening: Whiten the images; needs `fit`.
        zca_epsilon: Added to each variance in whitening.
        rotation_range: Degrees; rotations from minus to plus this.
        width_shift_range: Float: fraction of the width if below 1, else pixels; int:
            whole pixels below it; list: its elements.
        height_shift_range: The same along the height.
        brightness_range: Pair of factors. Keeps images from 0 to 1 in that range.
        shear_range: Degrees.
        zoom_range: Fraction z for factors from 1 - z to 1 + z, or the pair of factors;
            below 1 enlarges.
        channel_shift_range: Value added to all channels, from minus to plus this.
        fill_mode: Beyond the border: "nearest", "constant", "reflect", "wrap", or
            another mode of `scipy.ndimage`.
        cval: Value beyond the border for "constant".
        horizontal_flip: Mirror half of the images left to right.
        vertical_flip: Turn half of the images upside down.
        rescale: Factor for all values, after the transforms; None is 1.
        preprocessing_function: Called with each image, (height, width, channels),
            after the transforms; returns one of the same shape.
        data_format: "channels_last" or "channels_first"; default: Keras' setting.
        validation_split: Fraction of the data that `subset="validation"` takes.
        interpolation_order: 0 to 5; 0 and 1 are fast, others go through SciPy.
        dtype: Type of the batches; default: Keras' setting.
        compat: "fixed" does what is documented here; "keras" repeats the known faults
            of Keras' class: swapped shifts, a random sign on listed shifts, a wrong
            centre of rotation in images that are not square, black images from
            brightness on values from 0 to 1, transformed validation images, weights out
            of step with the training part, EXIF rotation ignored, binary targets of
            three classes, and `featurewise_*` silently left out without `fit`.
        cache: Where the iterators keep decoded files: "memory" if they fit the
            budget, "disk" for later runs as well (see docs/cache.md), or "none".
        memory_budget: Bytes for that; default: a quarter of the free memory.
        unreadable: What becomes of files that cannot be read. "raise": their batch
            raises DataError. "skip": they are left out from the beginning and listed in
            `rejected`; zipped iterators, as images with masks, need folders without.
        gray_bits: Bits, 8 to 16, that hold gray values above 255 in files which do not
            say so, for "rgb" and "rgba"; default: 16.

    Raises:
        ValueError: An option is out of its range.

    Example:
        >>> generator = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
        >>> batches = generator.flow(np.zeros((8, 4, 4, 3)), batch_size=4, seed=1)
        >>> next(batches).shape
        (4, 4, 4, 3)
    """

    featurewise_center: bool = False
    samplewise_center: bool = False
    featurewise_std_normalization: bool = False
    samplewise_std_normalization: bool = False
    zca_whitening: bool = False
    zca_epsilon: float = 1e-6
    rotation_range: float = 0
    width_shift_range: float | Sequence[float] = 0.0
    height_shift_range: float | Sequence[float] = 0.0
    brightness_range: Sequence[float] | None = None
    shear_range: float = 0.0
    zoom_range: Any = 0.0
    channel_shift_range: float = 0.0
    fill_mode: str = "nearest"
    cval: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rescale: float | None = None
    preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None
    data_format: str | None = None
    validation_split: float = 0.0
    interpolation_order: int = 1
    dtype: str | None = None
    _: dataclasses.KW_ONLY
    compat: str = "fixed"
    cache: str = "memory"
    memory_budget: int | None = None
    unreadable: str = "raise"
    gray_bits: int | None = None

    def __post_init__(self):
        options.check(self)
        self.zoom_range = options.zoom_pair(self.zoom_range)
        self.data_format = self.data_format or keras.config.image_data_format()
        self.dtype = self.dtype or keras.config.floatx()
        last = self.data_format == "channels_last"
        self.channel_axis, self.row_axis, self.col_axis = (
            (3, 1, 2) if last else (1, 2, 3)
        )
        if self.zca_whitening:
            self.featurewise_std_normalization = False
        # Dividing and whitening need the images centred first.
        self.featurewise_center |= self.featurewise_std_normalization
        self.featurewise_center |= self.zca_whitening
        self.samplewise_center |= self.samplewise_std_normalization
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | None = None

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> ArrayIterator:
        """Iterate over images in an array.

        Args:
            x: Images, rank 4; or a pair of them and further inputs.
            y: Targets.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has its own random order.
            sample_weight: A weight for each image.
            seed: Decides order and transforms.
            save_to_dir: Folder to save transformed images to.
            save_prefix: Begins their names.
            save_format: Ends their names.
            ignore_class_split: Accept parts with different sets of classes.
            subset: "training" or "validation" part of a `validation_split`.

        Returns:
            Iterator over (images, targets) or (images, targets, weights).
        """
        return ArrayIterator(
            x,
            y,
            self,
            Options(batch_size, shuffle, seed, save_to_dir, save_prefix, save_format),
            sample_weight=sample_weight,
            subset=subset,
            ignore_class_split=ignore_class_split,
        )

    def flow_from_directory(
        self,
        directory: str | os.PathLike,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Iterate over images in class folders.

        Args:
            directory: Folder with a sub-folder for each class.
            target_size: Height and width in pixels.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Names of the sub-folders in the order of their numbers.
            class_mode: "categorical", "binary", "sparse", "input" or None.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has its own random order.
            seed: Decides order and transforms.
            save_to_dir: Folder to save transformed images to.
            save_prefix: Begins their names.
            save_format: Ends their names.
            follow_links: Whether to enter folders that are symbolic links.
            subset: "training" or "validation" part of a `validation_split`.
            interpolation: Pillow's filter: nearest, bilinear, bicubic, hamming, box or
                lanczos.
            keep_aspect_ratio: Cut the middle out instead of distorting.

        Returns:
            Iterator over (images, targets).

        Raises:
            DataError: The folder is missing or empty, or an option is unknown.
        """
        return DirectoryIterator(
            directory,
            self,
            Options(batch_size, shuffle, seed, save_to_dir, save_prefix, save_format),
            self._format(target_size, color_mode, interpolation, keep_aspect_ratio),
            classes=classes,
            class_mode=class_mode,
            subset=subset,
            follow_links=follow_links,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Iterate over images named in a table.

        Args:
            dataframe: A pandas or polars frame, or a dictionary of columns.
            directory: Folder the names are relative to; None for absolute names.
            x_col: Column of file names.
            y_col: Column of targets, or a list of them.
            weight_col: Column of sample weights.
            target_size: Height and width in pixels.
            color_mode: "rgb", "rgba" or "grayscale".
            classes: Class names in the order of their numbers.
            class_mode: "categorical", "binary", "sparse", "input", "multi_output",
                "raw" or None.
            batch_size: Images in a batch.
            shuffle: Whether each epoch has its own random order.
            seed: Decides order and transforms.
            save_to_dir: Folder to save transformed images to.
            save_prefix: Begins their names.
            save_format: Ends their names.
            subset: "training" or "validation" part of a `validation_split`.
            interpolation: Pillow's filter, as in `flow_from_directory`.
            validate_filenames: Leave out rows without an image file.
            **kwargs: `has_ext`, `sort` and `drop_duplicates` are accepted and have no
                effect, as in Keras' class.

        Returns:
            Iterator over (images, targets) or (images, targets, weights).

        Raises:
            DataError: A column is missing or holds the wrong kind of values.
        """
        options.check_retired(kwargs)
        return DataFrameIterator(
            dataframe,
            self,
            Options(batch_size, shuffle, seed, save_to_dir, save_prefix, save_format),
            self._format(target_size, color_mode, interpolation, False),
            Columns(x_col, y_col, weight_col),
            directory=directory,
            classes=classes,
            class_mode=class_mode,
            subset=subset,
            validate_filenames=validate_filenames,
        )

    def _format(self, target_size, color_mode, interpolation, keep) -> FileFormat:
        return FileFormat(
            target_size, color_mode, interpolation, keep, self.compat, self.gray_bits
        )
