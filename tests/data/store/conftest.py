"""Images to store, and a process of its own that opens them."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import ImageIndex, index_directory
from kerasnorm.data.store import open_images as open_images_module
from kerasnorm.data.store.open_images import Caching, open_images

SIZE = (48, 48)
COUNT = 60
# Opens images and reads them all, with what is put before and after it.
PROGRAM = """
import os, sys, time
import numpy as np
from kerasnorm.data import ImageIndex, index_directory
from kerasnorm.data.store import fill, open_images, stored_images
from kerasnorm.data.store.open_images import Caching

fill.BLOCK_BYTES = 4 * 48 * 48 * 3
open_images.FEW_IMAGES = 0
folder, cache = sys.argv[1:3]
decode = ImageIndex.decode
decoded = []

def slow(index, position, *size, **limits):
    decoded.append(index.names[position])
    while len(decoded) > 20 and GATE and not os.path.exists(GATE):
        time.sleep(0.01)
    return decode(index, position, *size, **limits)

ImageIndex.decode = slow
GATE = None
{before}
images, note = open_images.open_images(
    {{"all": index_directory(folder)}}, (48, 48), Caching(cache)
)
images = images["all"].images
{after}
np.save(sys.argv[3], np.asarray(images))
print(len(decoded), note)
"""


class Opening:
    """A process that opens images and saves them as an array.

    Args:
        home: Folder of the cache and of the arrays.
        data: The images.
    """

    def __init__(self, home: pathlib.Path, data: pathlib.Path) -> None:
        self.home, self.data = home, data
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache")}
        self.number = 0
        self.gate = home / "gate"
        #: Has a process stop after some images until there is a file.
        self.waits_at_gate = f"GATE = {str(self.gate)!r}"

    def start(self, cache="disk", before="", after="", **options):
        """Start one, and return it."""
        self.number += 1
        array = self.home / f"{self.number}.npy"
        program = PROGRAM.format(before=before, after=after)
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(self.data), cache, str(array)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        process.array = array
        return process

    def finish(self, process):
        """Wait for it, and return how many images it decoded, what it said, the array.

        Files that it could not use to the end leave an array of None.
        """
        output, errors = process.communicate(timeout=60)
        if process.returncode:
            return None, errors, None
        count, note = output.split(" ", 1)
        return int(count), note + errors, np.load(process.array)

    def run(self, *arguments, **options):
        """Start one, wait for it, and return the same."""
        return self.finish(self.start(*arguments, **options))

    def stored(self, name):
        """Return the one file of a name in the stores."""
        (file,) = (self.home / "cache" / "kerasnorm" / "images").glob(f"*/{name}")
        return file


def save(file: pathlib.Path, seed: int) -> None:
    """Write an image whose pixels its seed decides."""
    pixels = np.random.default_rng(seed).integers(0, 256, (56, 50, 3), np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def data(tmp_path) -> pathlib.Path:
    """Two class folders of 30 images."""
    folder = tmp_path / "data"
    for number in range(COUNT):
        file = folder / ("cat", "dog")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        save(file, number)
    return folder


@pytest.fixture
def opening(tmp_path, data) -> Opening:
    """What opens the images in processes of their own."""
    return Opening(tmp_path, data)


@pytest.fixture
def keeping(tmp_path, monkeypatch):
    """Have even a few images kept in a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(open_images_module, "FEW_IMAGES", 0)


@pytest.fixture
def read_here(data, keeping, monkeypatch):
    """What opens and reads the images in this process, and counts those decoded."""
    decoded = []
    decode = ImageIndex.decode

    def note(index, position, *size, **limits):
        decoded.append(position)
        return decode(index, position, *size, **limits)

    def read():
        decoded.clear()
        with monkeypatch.context() as patch:
            patch.setattr(ImageIndex, "decode", note)
            index = index_directory(data)
            images, _ = open_images({"all": index}, SIZE, Caching("disk"))
            array = np.asarray(images["all"].images)
        return len(decoded), array

    return read


@pytest.fixture
def right(data):
    """The images as they are right."""

    def of():
        images, _ = open_images({"all": index_directory(data)}, SIZE, Caching("memory"))
        return images["all"].images

    return of
