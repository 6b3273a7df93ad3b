"""Computes what a frozen network makes of images, once, and keeps it over an abort."""

import pathlib
import shutil

import keras
import numpy as np

from kerasnorm.data.images.decoded_images import DecodedImages
from kerasnorm.training.pretrained.start import POOL

# Images whose features are computed in one call, and written to one file.
CHUNK = 256


class Features:
    """The pooled features of images, in files of a folder until `discard`.

    Args:
        model: The network, of which the layers up to the pooling are used.
        side: Side of the images that the network sees, in pixels: the middle of those
            that are decoded.
        folder: Where features are kept while they are computed.
    """

    def __init__(self, model: keras.Model, side: int, folder: pathlib.Path) -> None:
        self.side = side
        self.folder = folder
        self._body = keras.Model(model.input, model.get_layer(POOL).output)

    def of(
        self, images: DecodedImages, name: str, batch_size: int, *, mirrored: bool
    ) -> np.ndarray:
        """Return the features of images, and behind them those of the mirror images.

        Args:
            images: The images.
            name: Names their files.
            batch_size: Images computed at once.
            mirrored: Whether to add the mirror images.

        Returns:
            Shape (views * images, features), float32.
        """
        self.folder.mkdir(exist_ok=True)
        parts = []
        for view in range(2 if mirrored else 1):
            for start in range(0, len(images), CHUNK):
                file = self.folder / f"{name}-{view}-{start}.npy"
                if not file.is_file():
                    self._compute(images, start, view == 1, batch_size, file)
                parts.append(np.load(file, allow_pickle=False))
        return np.concatenate(parts)

    def discard(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _compute(
        self,
        images: DecodedImages,
        start: int,
        is_mirrored: bool,
        batch_size: int,
        file: pathlib.Path,
    ) -> None:
        margins = [(size - self.side) // 2 for size in images.image_size]
        places = np.arange(start, min(start + CHUNK, len(images)))
        chosen = images.read(places)[
            :,
            margins[0] : margins[0] + self.side,
            margins[1] : margins[1] + self.side,
        ]
        if is_mirrored:
            chosen = chosen[:, :, ::-1]
        found = self._body.predict(
            chosen.astype("float32"), batch_size=batch_size, verbose=0
        )
        aside = file.with_suffix(".aside.npy")
        np.save(aside, found.astype("float32"), allow_pickle=False)
        aside.replace(file)
