"""Draws the image folders that the scripts of the zoo are run on.

    python -m benchmarks.script_zoo.draw_images DIR

writes DIR/shapes (circle, square, triangle in any colour: train, validation, test),
DIR/fruit (the same splits; classes differ by colour alone), DIR/noisy (shapes, of whose
training labels three in ten are wrong) and DIR/bursts (one folder per class, each
object taken eight times with hardly a change between the images).
"""

import argparse
import pathlib

import numpy as np
from PIL import Image

SIDE = 48
SHAPES = ("circle", "square", "triangle")
FRUIT = {
    "apple": (200, 40, 40),
    "lime": (60, 180, 50),
    "orange": (230, 140, 30),
    "plum": (120, 50, 150),
}
COUNTS = {"train": 240, "validation": 70, "test": 70}
WRONG_FRACTION = 0.3
FRAMES = 8


def mask_of(shape: str, rng: np.random.Generator) -> np.ndarray:
    """Return where one shape of random place and size covers the image."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(float)
    radius = rng.uniform(9, 15)
    y, x = rng.uniform(radius, SIDE - radius, size=2)
    dy, dx = rows - y, columns - x
    if shape == "circle":
        return dy**2 + dx**2 < radius**2
    if shape == "square":
        return np.maximum(abs(dy), abs(dx)) < radius * 0.88
    return (dy < radius * 0.75) & (abs(dx) < (dy + radius) * 0.58)


def paint(mask: np.ndarray, colour, rng: np.random.Generator) -> np.ndarray:
    """Return the mask in its colour on a dark background of another colour, noisy."""
    background = rng.uniform(10, 90, size=3)
    image = np.where(mask[..., None], np.asarray(colour, float), background)
    return image + rng.normal(0, 14, size=image.shape)


def draw(kind: str, name: str, rng: np.random.Generator) -> np.ndarray:
    """Return one image of a class."""
    if kind == "fruit":
        colour = np.array(FRUIT[name]) + rng.normal(0, 12, size=3)
        return paint(mask_of("circle", rng), colour, rng)
    return paint(mask_of(name, rng), rng.uniform(110, 250, size=3), rng)


def save(image: np.ndarray, path: pathlib.Path) -> None:
    """Write an image, and its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(image, 0, 255).astype("uint8")).save(path)


def draw_splits(folder: pathlib.Path, kind: str, rng, wrong: float = 0.0) -> None:
    """Write train, validation and test folders, some training images in wrong ones."""
    names = list(FRUIT) if kind == "fruit" else list(SHAPES)
    for split, count in COUNTS.items():
        for name in names:
            for number in range(count):
                label = name
                if split == "train" and rng.uniform() < wrong:
                    label = rng.choice([other for other in names if other != name])
                file = f"{name}_{number:03d}.png" if not wrong else None
                file = file or f"{rng.integers(10**9):09d}.png"
                save(draw(kind, name, rng), folder / split / label / file)


def draw_bursts(folder: pathlib.Path, rng: np.random.Generator) -> None:
    """Write eight images of each object, which differ by noise and brightness alone."""
    for name in SHAPES:
        for number in range(30):
            image = draw("shapes", name, rng)
            for frame in range(FRAMES):
                copy = image * rng.uniform(0.97, 1.03)
                copy = copy + rng.normal(0, 3, size=image.shape)
                save(copy, folder / name / f"obj{number:02d}_frame{frame}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    draw_splits(arguments.folder / "shapes", "shapes", rng)
    draw_splits(arguments.folder / "fruit", "fruit", rng)
    draw_splits(arguments.folder / "noisy", "shapes", rng, WRONG_FRACTION)
    draw_bursts(arguments.folder / "bursts", rng)


if __name__ == "__main__":
    main()
