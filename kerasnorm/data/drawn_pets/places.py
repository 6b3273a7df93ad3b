"""Backgrounds: rooms, meadows, heaps of things and plain haze."""

import numpy
from PIL import Image

from kerasnorm.data.drawn_pets.canvas import Canvas, Pen, curve, ellipse, rectangle
from kerasnorm.data.drawn_pets.coat import mix, pick
from kerasnorm.data.drawn_pets.props import COLOURS, draw_thing

SKIES = ((150, 190, 226), (226, 200, 170), (190, 200, 206), (96, 110, 150))
GROUNDS = (
    (110, 150, 72),
    (150, 156, 84),
    (196, 174, 120),
    (226, 230, 232),
    (84, 120, 76),
)
WHITE = (255, 255, 255)


def draw_place(canvas: Canvas, rng: numpy.random.Generator) -> None:
    """Paint a background over the whole canvas."""
    pen = Pen(canvas, numpy.eye(2) * canvas.side, numpy.zeros(2))
    pen = pen.at(0.5, 0.5, angle=rng.normal(0, 0.06)).at(-0.5, -0.5)
    PLACES[rng.choice(len(PLACES), p=(0.4, 0.34, 0.06, 0.2))](pen, rng)
    for _ in range(rng.integers(0, 4)):
        draw_thing(pen.at(*rng.uniform(0, 1, 2)), rng, rng.uniform(0.05, 0.2))
    # Mist, and mostly blur: the pet stands out as before an open lens.
    colour = canvas.colour
    if rng.random() < 0.85:
        colour = colour.reduce(int(rng.integers(3, 12)))
        colour = colour.resize((canvas.size, canvas.size), Image.Resampling.BILINEAR)
    mist = Image.new("RGB", colour.size, pick(rng, COLOURS))
    colour = Image.blend(colour, mist, rng.uniform(0.1, 0.6))
    canvas.colour.paste(colour.resize(canvas.colour.size, Image.Resampling.NEAREST))


def _room(pen: Pen, rng) -> None:
    wall, floor = pick(rng, COLOURS), pick(rng, COLOURS)
    horizon = rng.uniform(0.35, 0.85)
    pen.fill(rectangle(-1, -1, 2, 2), wall)
    _wallpaper(pen, rng, wall)
    for _ in range(rng.integers(0, 3)):
        x, y = rng.uniform(-0.1, 0.9, 2)
        w, h = rng.uniform(0.15, 0.45, 2)
        pen.fill(rectangle(x, y, x + w, y + h), pick(rng, COLOURS))
        inside = rectangle(x + 0.03, y + 0.03, x + w - 0.03, y + h - 0.03)
        pen.fill(inside, pick(rng, COLOURS))
    pen.fill(rectangle(-1, horizon, 2, 2), floor)
    seam = mix(floor, (20, 16, 16), 0.2)
    for y in horizon + rng.uniform(0, 0.5, rng.integers(0, 6)):
        pen.line([(-0.5, y), (1.5, y)], 0.008, seam)
    if rng.random() < 0.4:
        x, y = rng.uniform((0, horizon), (1, 1))
        pen.fill(ellipse(x, y, rng.uniform(0.2, 0.5), 0.12), pick(rng, COLOURS))


def _wallpaper(pen: Pen, rng, wall) -> None:
    """Stripes up, dots, stripes across, or nothing."""
    paper, gap = mix(wall, pick(rng, COLOURS), 0.35), rng.uniform(0.08, 0.2)
    style = rng.integers(4)
    for x in numpy.arange(-0.3, 1.3, gap):
        if style == 0:
            pen.fill(rectangle(x, -1, x + gap / 2, 2), paper)
        elif style == 1:
            for y in numpy.arange(-0.3, 1.3, gap):
                pen.fill(ellipse(x, y, gap / 5, gap / 5), paper)
        elif style == 2:
            pen.fill(rectangle(-1, x, 2, x + gap / 2), paper)


def _meadow(pen: Pen, rng) -> None:
    sky, ground = pick(rng, SKIES, 24), pick(rng, GROUNDS, 24)
    pen.fill(rectangle(-1, -1, 2, 2), sky)
    for x, y in rng.uniform((0, 0), (1, 0.5), (rng.integers(0, 4), 2)):
        for dx in (-0.07, 0, 0.08):
            pen.fill(ellipse(x + dx, y, 0.09, 0.05), mix(sky, WHITE, 0.6))
    horizon = rng.uniform(0.3, 0.8)
    for behind in (0.12, 0.0):
        x = numpy.linspace(-0.4, 1.4, 7)
        hills = numpy.stack([x, horizon - behind + rng.normal(0, 0.05, 7)], 1)
        ridge = numpy.vstack([curve(hills, closed=False), [(2, 2), (-1, 2)]])
        pen.fill(ridge, mix(ground, sky, behind * 4))
    for _ in range(rng.integers(0, 4)):
        _tree(pen.at(rng.uniform(0, 1), horizon, scale=rng.uniform(0.07, 0.2)), rng)
    for x, y in rng.uniform((-0.1, horizon), (1.1, 1.1), (rng.integers(0, 40), 2)):
        blade = [(x, y), (x + rng.normal(0, 0.015), y - 0.05)]
        pen.line(blade, 0.007, mix(ground, (20, 40, 20), rng.uniform(0, 0.4)))


def _tree(pen: Pen, rng) -> None:
    pen.fill(rectangle(-1 / 7, -1, 1 / 7, 0.5), (104, 78, 58))
    leaves = ellipse(0, -1.4, 0.8, 1.0)
    if rng.random() < 0.4:
        leaves = numpy.array([(-1, -0.5), (0, -3), (1, -0.5)])
    pen.fill(leaves, mix(pick(rng, GROUNDS), (30, 70, 40), rng.uniform(0.2, 0.7)))


def _heap(pen: Pen, rng) -> None:
    pen.fill(rectangle(-1, -1, 2, 2), pick(rng, COLOURS))
    for _ in range(rng.integers(10, 26)):
        spot = pen.at(*rng.uniform(-0.1, 1.1, 2))
        draw_thing(spot, rng, rng.uniform(0.08, 0.3))


def _haze(pen: Pen, rng) -> None:
    top, bottom = pick(rng, COLOURS), pick(rng, COLOURS)
    pen.fill(rectangle(-1, -1, 2, 2), top)
    for y in numpy.linspace(0.04, 1, 24):
        pen.fill(rectangle(-1, y, 2, 2), mix(top, bottom, float(y)))
    for x, y, r in rng.uniform((0, 0, 0.03), (1, 1, 0.14), (rng.integers(0, 14), 3)):
        pen.fill(ellipse(x, y, r, r), mix(top, pick(rng, COLOURS), 0.5))


PLACES = (_room, _meadow, _heap, _haze)
