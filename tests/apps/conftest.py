"""A small folder of images and one finished run on it, shared by the app tests."""

import pathlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

TINY = [
    *("--image-size", "32", "--width", "8", "--batch-size", "16", "--epochs", "2"),
    *("--deterministic", "--mixup", "0.2", "--seed", "3", "--no-examine"),
]


def draw_folder(folder: pathlib.Path, count: int, classes=("cat", "dog")) -> None:
    """Draw circles (cat) and squares (dog) of random colour as JPEG files."""
    random = np.random.default_rng(0)
    for shape, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            noise = random.integers(0, 60, (48, 56, 3), dtype=np.uint8)
            image = Image.fromarray(noise)
            left, top = random.integers(4, 20, 2)
            box = [left, top, left + 24, top + 24]
            draw = ImageDraw.Draw(image)
            paint = (draw.ellipse, draw.rectangle)[shape % 2]
            paint(box, fill=tuple(random.integers(100, 255, 3).tolist()))
            image.save(folder / name / f"{number:03}.jpg")


@pytest.fixture(scope="session")
def shapes(tmp_path_factory) -> pathlib.Path:
    """Folder of two classes with 40 images each, and one file that is none."""
    folder = tmp_path_factory.mktemp("shapes")
    draw_folder(folder, 40)
    (folder / "cat" / "bad <b>.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def finished_run(shapes, tmp_path_factory) -> pathlib.Path:
    """Run directory of a tiny training on the shapes."""
    from apps.cats_dogs import APP
    from kerasnorm.training.commands.command_line import main

    runs = tmp_path_factory.mktemp("runs")
    paths = ["--data", str(shapes), "--runs", str(runs)]
    status = main(APP, [*paths, "--name", "first", "--test-fraction", "0.1", *TINY])
    assert status == 0
    return runs / "cats_dogs" / "first"
