"""ImageDataGenerator's methods for single images: transform, normalize, fit."""

from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.generator import random_parameters, random_transforms, standardize


class ImageTransforms:
    """Methods that ImageDataGenerator offers on images rather than on batches."""

    data_format: str | None
    dtype: str | None
    row_axis: int
    col_axis: int
    rescale: float | None

    def get_random_transform(
        self, img_shape: tuple[int, ...], seed: int | None = None
    ) -> dict[str, Any]:
        """Draw the parameters of one random transform.

        Args:
            img_shape: Shape of the image, rank 3.
            seed: The same seed gives the same parameters; None draws again.

        Returns:
            Parameters for `apply_transform`.
        """
        size = (img_shape[self.row_axis - 1], img_shape[self.col_axis - 1])
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        parameters = random_parameters.draw_parameters(
            self, int(seed), 0, np.zeros(1, np.int64), size
        )
        return {
            name: None if values is None else values[0].item()
            for name, values in parameters.items()
        }

    def apply_transform(
        self, x: np.ndarray, transform_parameters: dict[str, Any]
    ) -> np.ndarray:
        """Transform one image.

        Args:
            x: Image, rank 3.
            transform_parameters: Any of `theta` (degrees), `tx` and `ty` (pixels in
                the x direction, along the width, and in the y direction), `shear`
                (degrees), `zx` and `zy` (zoom in the x and y direction),
                `flip_horizontal`, `flip_vertical`, `channel_shift_intensity` (added
                value) and `brightness` (factor).

        Returns:
            The transformed image, of the same shape.
        """
        return self._transformed(np.asarray(x), transform_parameters)

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Transform one image at random.

        Args:
            x: Image, rank 3.
            seed: The same seed gives the same transform; None draws again.

        Returns:
            The transformed image, of the same shape.
        """
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Normalize one image, or a batch of them, as the options say.

        Args:
            x: Image or batch; it is not changed.

        Returns:
            Array of the same shape, of a floating-point type.

        Raises:
            RuntimeError: An option needs `fit`, which has not been called.
        """
        x = np.array(x, np.result_type(np.float32, np.asarray(x).dtype))
        if x.ndim == 4:
            return standardize.standardize_batch(self, x)
        return standardize.standardize_batch(self, x[None])[0]

    def fit(
        self,
        x: np.ndarray,
        augment: bool = False,
        rounds: int = 1,
        seed: int | None = None,
    ) -> None:
        """Compute mean, standard deviation and whitening matrix from images.

        Needed by `featurewise_center`, `featurewise_std_normalization` and
        `zca_whitening`. The images are rescaled first, if the generator has a
        `rescale`; its preprocessing function is not called, as in Keras' class.

        Args:
            x: Images, rank 4.
            augment: Whether to fit on randomly transformed images.
            rounds: How often to transform each of them.
            seed: Decides those transforms.

        Raises:
            DataError: The images are not of rank 4.
        """
        x = np.asarray(x, dtype=self.dtype)
        if x.ndim != 4:
            raise DataError(
                f"Expected images to fit on to have rank 4. Received: shape {x.shape}."
            )
        if self.rescale:
            x = x * self.rescale
        if augment:
            first = 0 if seed is None else int(seed)
            x = np.stack(
                [
                    self.random_transform(image, first * 2**32 + turn * len(x) + place)
                    for turn in range(rounds)
                    for place, image in enumerate(x)
                ]
            )
        standardize.fit_statistics(self, x)

    def _transformed(self, x: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
        first = self.data_format == "channels_first"
        image = np.moveaxis(x, 0, -1) if first else x
        image = random_transforms.transform_one(
            self, image, parameters, random_transforms.value_range_of(image)
        )
        return np.moveaxis(image, -1, 0) if first else image
