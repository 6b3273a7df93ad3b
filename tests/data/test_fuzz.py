"""Cut and damaged files end in an image or in a reason, for every kind of damage."""

import io

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from PIL import Image

from kerasnorm.data import ImageError, decode_image
from kerasnorm.data.items.items import FileItems
from kerasnorm.data.scan.scan_file import scan_item
from tests.data.conftest import smooth_image

FORMATS = {
    "jpg": {"format": "JPEG"},
    "progressive": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "gif": {"format": "GIF"},
    "bmp": {"format": "BMP"},
    "webp": {"format": "WEBP"},
    "tif": {"format": "TIFF", "compression": "tiff_lzw"},
}


def encoded(options):
    file = io.BytesIO()
    Image.fromarray(smooth_image(40, 50)).save(file, **options)
    return file.getvalue()


WHOLE = {name: encoded(options) for name, options in FORMATS.items()}


@strategies.composite
def damaged_files(draw):
    """Draw a good file, cut somewhere, with some bytes replaced."""
    content = bytearray(WHOLE[draw(strategies.sampled_from(sorted(WHOLE)))])
    if draw(strategies.booleans()):
        del content[draw(strategies.integers(0, len(content))) :]
    places = strategies.integers(0, max(len(content) - 1, 0))
    for place in draw(strategies.lists(places, max_size=20)):
        if content:
            content[place] = draw(strategies.integers(0, 255))
    return bytes(content)


def check(directory, content):
    path = directory / "damaged"
    path.write_bytes(content)
    accepted = [scan_item(FileItems([str(path)]), 0).reason is None]
    for size in (None, (16, 16)):
        try:
            image = decode_image(path, size)
        except ImageError as error:
            assert error.reason
            accepted.append(False)
        else:
            assert image.dtype == np.uint8
            assert image.ndim == 3
            assert image.shape[2] == 3
            accepted.append(True)
    assert len(set(accepted)) == 1


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


SETTINGS = {
    "deadline": 10_000,
    "derandomize": True,
    "suppress_health_check": list(hypothesis.HealthCheck),
    "database": None,
}


@hypothesis.settings(max_examples=60, **SETTINGS)
@hypothesis.given(content=damaged_files())
def test_damaged_files_end_well(directory, content):
    check(directory, content)


@pytest.mark.slow
@hypothesis.settings(max_examples=1000, **SETTINGS)
@hypothesis.given(content=damaged_files())
def test_a_thousand_damaged_files_end_well(directory, content):
    check(directory, content)
