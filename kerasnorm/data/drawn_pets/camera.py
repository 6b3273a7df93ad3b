"""From canvas to JPEG file: light, exposure, grain, focus and compression."""

import io

import numpy
from PIL import Image, ImageFilter

from kerasnorm.data.drawn_pets.canvas import Canvas


def photograph(canvas: Canvas, rng: numpy.random.Generator) -> bytes:
    """Light a canvas, add what a camera adds, and return it as a JPEG file.

    The exposure is measured, as a camera does: the mean brightness of an image is
    drawn at random, so that it tells nothing about what is in it.

    Args:
        canvas: The finished drawing.
        rng: Source of chance.

    Returns:
        The bytes of a JPEG file of `canvas.size` by `canvas.size` pixels.
    """
    scale = canvas.size / 128
    pixels = canvas.finish(softness=rng.uniform(0.6, 1.6) * scale)
    pixels *= _light(canvas.size, rng)
    pixels *= rng.normal(1, 0.06, 3).astype(numpy.float32)
    contrast, exposure = rng.uniform(0.75, 1.2), rng.uniform(90, 155)
    pixels = exposure + (pixels - pixels.mean()) * numpy.float32(contrast)
    gamma = numpy.float32(rng.uniform(0.75, 1.35))
    pixels = 255 * (pixels / 255).clip(0, 1) ** gamma
    grain = rng.standard_normal(pixels.shape, dtype=numpy.float32)
    pixels += grain * numpy.float32(rng.uniform(0.5, 7))
    image = Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))
    if rng.random() < 0.25:
        blur = ImageFilter.GaussianBlur(rng.uniform(0.3, 0.7) * scale)
        image = image.filter(blur)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(55, 96)))
    return file.getvalue()


def _light(size: int, rng: numpy.random.Generator) -> numpy.ndarray:
    """Light that comes from one side and falls off to the corners, (size, size, 1)."""
    x = numpy.linspace(-1, 1, size, dtype=numpy.float32)[None, :]
    y = x.T
    right, down = rng.normal(0, 0.14, 2).astype(numpy.float32)
    fall = numpy.float32(rng.uniform(0, 0.11))
    return (1 + right * x + down * y - fall * (x**2 + y**2))[:, :, None]
