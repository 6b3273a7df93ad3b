"""Small images and folders made on the spot, and Keras' own generator class."""

import pathlib

import numpy as np
import pytest
from PIL import Image


def smooth_image(height, width, channels=3, seed=0):
    """Return a uint8 image with soft blobs, so that interpolation has work to do."""
    random = np.random.default_rng(seed)
    small = random.integers(
        0, 256, (height // 4 + 2, width // 4 + 2, channels), np.uint8
    )
    planes = [
        np.asarray(
            Image.fromarray(small[..., channel]).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for channel in range(channels)
    ]
    return np.stack(planes, axis=-1)


def save_image(path: pathlib.Path, height=24, width=31, seed=0, **options):
    """Write one RGB image; the name's suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth_image(height, width, seed=seed)).save(path, **options)
    return path


@pytest.fixture(scope="session")
def class_folders(tmp_path_factory) -> pathlib.Path:
    """Three classes of 7, 5 and 4 images of several sizes, formats and depths."""
    directory = tmp_path_factory.mktemp("images")
    for name, count in (("cat", 7), ("ant", 5), ("bee", 4)):
        for number in range(count):
            folder = directory / name / ("deep" if number % 3 == 2 else "")
            suffix = ("jpg", "png", "JPEG")[number % 3]
            save_image(
                folder / f"{name}.{number}.{suffix}", 20 + 3 * number, 30, seed=number
            )
    (directory / "cat" / "notes.txt").write_text("not an image")
    return directory


@pytest.fixture(scope="session")
def legacy_generator():
    """Keras' own ImageDataGenerator."""
    image = pytest.importorskip("tensorflow.keras.preprocessing.image")
    return image.ImageDataGenerator
