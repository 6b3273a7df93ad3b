"""One drawn cat or dog, as the bytes of a JPEG file."""

import math

import numpy

from kerasnorm.data.drawn_pets.bodies import POSES
from kerasnorm.data.drawn_pets.build import draw_build
from kerasnorm.data.drawn_pets.camera import photograph
from kerasnorm.data.drawn_pets.canvas import OVERSAMPLING, Canvas, Pen
from kerasnorm.data.drawn_pets.coat import draw_coat
from kerasnorm.data.drawn_pets.places import draw_place
from kerasnorm.data.drawn_pets.props import draw_in_front

# Fractions of the side of the image; the largest head is three times the smallest.
SMALLEST_HEAD_RADIUS, SCALE_RANGE = 0.15, 3.0
LARGEST_TURN = math.radians(30)
HIDDEN_SHARE = 0.25


def draw_pet(kind: str, size: int, rng: numpy.random.Generator) -> bytes:
    """Draw one image.

    The kind decides the shapes of the animal and nothing else: place, coat, pose,
    scale, light and camera are drawn before or without knowing it.

    Args:
        kind: "cat" or "dog".
        size: Side of the square image, pixels.
        rng: Source of chance; the same state gives the same bytes.

    Returns:
        The bytes of a JPEG file.
    """
    towards = rng.uniform(-math.pi, 0)
    light = (0.6 * math.cos(towards), math.sin(towards))
    canvas = Canvas(size, light, contrast=rng.uniform(0.35, 1.0))
    draw_place(canvas, rng)
    radius = SMALLEST_HEAD_RADIUS * SCALE_RANGE ** rng.triangular(0, 0.7, 1)
    unit = radius * size * OVERSAMPLING
    outline = rng.choice((0.0, rng.uniform(0.35, 1.0)), p=(0.25, 0.75))
    middle = rng.normal(0.5, (0.17, 0.13), 2) * canvas.side
    margin = min(unit * 1.2, canvas.side * 0.45)
    origin = numpy.clip(middle, margin, canvas.side - margin)
    turn = float(numpy.clip(rng.normal(0, 0.17), -LARGEST_TURN, LARGEST_TURN))
    pen = Pen(canvas, numpy.eye(2) * unit, origin, outline * size / 128)
    pen = pen.at(angle=turn, mirror=bool(rng.random() < 0.5))
    coat = draw_coat(rng, canvas.side, unit)
    pose = POSES[rng.choice(len(POSES), p=(0.56, 0.24, 0.2))]
    pose(draw_build(kind, coat, rng), pen)
    if rng.random() < HIDDEN_SHARE:
        draw_in_front(pen, rng)
    return photograph(canvas, rng)
