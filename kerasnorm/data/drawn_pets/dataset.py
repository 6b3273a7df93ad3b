"""The built-in data set: drawn cats and dogs, as JPEG files in class folders."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.drawn_pets.drawing import draw_pet
from kerasnorm.data.progress import Progress

CLASSES = ("cat", "dog")
SPLITS = ("train", "validation")
# Goes up whenever the same seed draws other images: an old cache is not used then.
VERSION = 2
# A second process takes about as long to start as this many images to draw.
IMAGES_WORTH_A_PROCESS = 100
ABANDONED_AFTER_SECONDS = 3600
POLL_SECONDS = 0.05


def drawn_pets_directory(
    seed: int = 0,
    train_per_class: int = 1000,
    validation_per_class: int = 250,
    *,
    size: int = 128,
    cache: str | os.PathLike | None = None,
) -> pathlib.Path:
    """Return a folder of drawn cats and dogs, drawing them the first time.

    A task of its own that needs no download: pose, build, coat, size, place, light,
    background and noise vary, all in the same way for both classes; only the shapes of
    the animals differ. A linear model on the pixels stays near chance, a small
    convolutional network learns it in minutes. Use it to try a training out; it says
    nothing about real photos.

    Args:
        seed: Decides every image, 0 or more. Image number i is the same however
            many are drawn.
        train_per_class: Images of each class to train on, 1 or more.
        validation_per_class: Images of each class to validate on, 1 or more.
        size: Side of the square images, pixels, 16 or more.
        cache: Folder to keep the images in; by default `drawn_pets` in the user's
            cache directory, `$XDG_CACHE_HOME/kerasnorm` or `~/.cache/kerasnorm`.

    Returns:
        Folder with `train/` and `validation/`, each with `cat/` and `dog/`, each with
        `0000.jpg`, `0001.jpg`, ... It is there in whole or not at all.

    Raises:
        ValueError: A number is out of its range.
        RuntimeError: A drawing process failed.

    Example:
        >>> directory = drawn_pets_directory(train_per_class=20)
        >>> len(list((directory / "train" / "cat").iterdir()))
        20
    """
    _check("seed", seed, 0)
    _check("train_per_class", train_per_class, 1)
    _check("validation_per_class", validation_per_class, 1)
    _check("size", size, 16)
    counts = (train_per_class, validation_per_class)
    parent = cache_directory("drawn_pets") if cache is None else pathlib.Path(cache)
    target = parent / f"v{VERSION}-seed{seed}-{counts[0]}+{counts[1]}-{size}px"
    if target.is_dir():
        return target
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    partial = parent / f"partial-{os.getpid()}-{time.time_ns()}"
    partial.mkdir()
    try:
        _draw_all(partial, seed, counts, size)
        # Renamed when complete; another process may have been faster.
        with contextlib.suppress(OSError):
            os.replace(partial, target)
        if not target.is_dir():
            raise RuntimeError(
                f"Expected to rename {partial} to {target}, but it failed."
            )
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def draw_part(
    directory: pathlib.Path,
    seed: int,
    counts: tuple[int, int],
    size: int,
    part: tuple[int, int] = (0, 1),
) -> None:
    """Draw every n-th image of the set into its class folder.

    Args:
        directory: Folder that receives `train/` and `validation/`.
        seed: Decides every image.
        counts: Images of each class, (train, validation).
        size: Side of the images, pixels.
        part: (first, n).
    """
    parent = os.getppid()
    first, step = part
    for split, count in enumerate(counts):
        for label, kind in enumerate(CLASSES):
            folder = directory / SPLITS[split] / kind
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(first, count, step):
                rng = numpy.random.default_rng([seed, split, label, index])
                file = folder / f"{index:04d}.jpg"
                file.write_bytes(draw_pet(kind, size, rng))
                if os.getppid() != parent:
                    # Killed with the process that wanted the images.
                    return


def _check(name: str, value: int, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(
            f"Expected `{name}` to be a whole number of at least {least}, received "
            f"{value!r}."
        )


def _draw_all(
    directory: pathlib.Path, seed: int, counts: tuple[int, int], size: int
) -> None:
    images = sum(counts) * len(CLASSES)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    number = max(1, min(cores, images // IMAGES_WORTH_A_PROCESS))
    if number == 1:
        draw_part(directory, seed, counts, size)
        return
    # Plain processes: multiprocessing would fork TensorFlow's threads or import the
    # user's script again.
    package_parent = str(pathlib.Path(__file__).parents[3])
    paths = [package_parent, os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    numbers = [str(value) for value in (seed, *counts, size)]
    command = [sys.executable, "-m", __spec__.name, str(directory), *numbers]
    workers: list[subprocess.Popen] = []
    try:
        for first in range(number):
            part = [str(first), str(number)]
            workers.append(subprocess.Popen([*command, *part], env=environment))
        with Progress("drawing images") as progress:
            while any(worker.poll() is None for worker in workers):
                if progress.is_shown:
                    progress(sum(1 for _ in directory.glob("*/*/*.jpg")), images)
                time.sleep(POLL_SECONDS)
        failed = [worker for worker in workers if worker.wait()]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    if failed:
        raise RuntimeError(
            f"Expected {number} processes to draw, but {len(failed)} failed; their "
            f"messages are above. Check that {directory.parent} can be written to."
        )


def _remove_abandoned(parent: pathlib.Path) -> None:
    """Remove what a killed drawing left, once it is surely no longer at work."""
    for folder in parent.glob("partial-*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > ABANDONED_AFTER_SECONDS:
                shutil.rmtree(folder)


if __name__ == "__main__":
    seed, train, validation, size, first, number = map(int, sys.argv[2:])
    draw_part(
        pathlib.Path(sys.argv[1]), seed, (train, validation), size, (first, number)
    )
