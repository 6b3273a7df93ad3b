"""Things that stand about or hide a part of a pet."""

import numpy

from kerasnorm.data.drawn_pets.canvas import (
    Colour,
    Pen,
    curve,
    ellipse,
    limb,
    rectangle,
)
from kerasnorm.data.drawn_pets.coat import FUR, mix, pick

BRIGHT = (
    (214, 84, 70),
    (236, 172, 64),
    (92, 152, 96),
    (70, 122, 176),
    (132, 96, 160),
    (226, 140, 160),
    (84, 170, 172),
    (232, 226, 210),
    (70, 76, 92),
    (150, 112, 84),
    (188, 198, 150),
    (160, 190, 214),
)
# Coats are among the colours of things, so that no colour gives the pet away.
COLOURS = BRIGHT + FUR
INK = (16, 12, 12)


def draw_thing(pen: Pen, rng: numpy.random.Generator, size: float) -> None:
    """Draw a ball, a box, a cushion, a cone, a plant or a bent stick."""
    pen = pen.at(angle=rng.uniform(0, 2 * numpy.pi), scale=size)
    colour = pick(rng, COLOURS, 30)
    THINGS[rng.integers(len(THINGS))](pen, rng, colour, mix(colour, INK, 0.5))


def _ball(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    pen.solid(ellipse(0, 0, 0.8, rng.uniform(0.6, 0.8)), colour, rim)


def _box(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    pen.solid(rectangle(-0.8, -0.6, 0.8, rng.uniform(0.4, 0.8)), colour, rim)


def _cushion(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    corners = rectangle(-0.9, -0.6, 0.9, 0.6)
    sides = (corners + numpy.roll(corners, -1, 0)) * (0.43, 0.42)
    outline = numpy.stack([corners, sides], 1).reshape(-1, 2)
    pen.solid(curve(outline), colour, rim)


def _cone(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    top = (rng.uniform(-0.4, 0.4), -1.0)
    pen.solid(numpy.array([(-0.7, 0.6), top, (0.7, 0.6)]), colour, rim)


def _plant(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    green = mix(colour, (40, 90, 50), 0.5)
    for angle in rng.uniform(-0.9, 0.9, rng.integers(3, 8)):
        leaf = curve([(0, 0), (0.14, -0.7), (0, -rng.uniform(1.2, 1.9)), (-0.14, -0.7)])
        pen.at(0, 0.8, angle=angle).solid(leaf, green, rim)


def _stick(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    path = numpy.cumsum(rng.normal(0, 0.6, (4, 2)), 0)
    pen.solid(limb(path, rng.uniform(0.1, 0.3, 3)), colour, rim)


THINGS = (_ball, _box, _cushion, _cone, _plant, _stick)


def draw_in_front(pen: Pen, rng: numpy.random.Generator) -> None:
    """Hide a part of the pet; the pen is at its head, the head's radius its unit."""
    colour = pick(rng, COLOURS, 30)
    hide = HIDING[rng.choice(len(HIDING), p=(0.2, 0.2, 0.2, 0.4))]
    hide(pen, rng, colour, mix(colour, INK, 0.5))


def _fence(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    """Hide all below the chin."""
    y = rng.uniform(0.75, 1.6)
    pen.solid(rectangle(-9, y, 9, 9), colour, rim)
    for x in numpy.arange(-9, 9, rng.uniform(0.5, 1.2)):
        pen.line([(x, y), (x, 9)], 0.05, rim)


def _trunk(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    """Stand before one side."""
    x, lean = rng.choice((-1, 1)) * rng.uniform(0.6, 2.2), rng.normal(0, 0.5)
    path = [(x - lean, 9), (x, 0), (x + lean, -9)]
    pen.solid(limb(path, rng.uniform(0.1, 0.35, 3)), colour, rim, tube=True)


def _plants(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    """Grow before the body."""
    for x in rng.uniform(-3.5, 3.5, rng.integers(3, 7)):
        spot = pen.at(x, rng.uniform(1.3, 3.0), scale=rng.uniform(0.5, 1.0))
        _plant(spot, rng, colour, rim)


def _things(pen: Pen, rng, colour: Colour, rim: Colour) -> None:
    """Lie about the head."""
    for _ in range(rng.integers(1, 4)):
        angle, far = rng.uniform(0, 2 * numpy.pi), rng.uniform(1.1, 2.2)
        spot = pen.at(numpy.cos(angle) * far, numpy.sin(angle) * far)
        draw_thing(spot, rng, rng.uniform(0.3, 0.8))


HIDING = (_fence, _trunk, _plants, _things)
