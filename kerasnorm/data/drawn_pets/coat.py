"""Coats: colours and fur patterns, drawn from the same lots for cats and dogs."""

import dataclasses

import numpy
from PIL import Image, ImageChops, ImageDraw

from kerasnorm.data.drawn_pets.canvas import Colour, curve

FUR = (
    (52, 48, 50),
    (84, 84, 92),
    (124, 130, 142),
    (182, 184, 188),
    (240, 237, 230),
    (236, 216, 180),
    (218, 142, 70),
    (174, 94, 52),
    (128, 88, 60),
    (92, 64, 52),
    (200, 160, 114),
    (214, 186, 148),
)
WHITE = (242, 239, 232)
IRIS = ((112, 66, 34), (198, 136, 40), (120, 160, 70), (104, 158, 206), (150, 160, 150))
NOSE = ((40, 34, 36), (62, 46, 44), (92, 58, 54))
PATTERNS = ("plain", "stripes", "spots", "patches", "ticked")


def mix(first: Colour, second: Colour, fraction: float) -> Colour:
    """Blend two colours; `fraction` 0 gives the first, 1 the second."""
    (r, g, b), (x, y, z) = first, second
    return (
        int(r + (x - r) * fraction),
        int(g + (y - g) * fraction),
        int(b + (z - b) * fraction),
    )


def pick(rng: numpy.random.Generator, colours, spread: float = 12.0) -> Colour:
    """Take one colour of a list and change it a little."""
    colour = colours[rng.integers(len(colours))]
    bright, shifts = rng.uniform(0.9, 1.08), rng.normal(0, spread / 2, 3)
    shifted = [c * bright + shift for c, shift in zip(colour, shifts, strict=True)]
    red, green, blue = (int(min(max(value, 8.0), 250.0)) for value in shifted)
    return red, green, blue


@dataclasses.dataclass(frozen=True)
class Coat:
    """Everything about a pet that has a colour; says nothing about its kind.

    Attributes:
        texture: Patterned fur, larger than the canvas.
        base: Mean colour of the fur.
        rim: Contour lines.
        ears, muzzle, paws, chest, tail: Colours of these parts; None is the fur.
        inner_ear, nose, iris, whiskers: Colours of the small parts.
        fluff: Length of the tufts at the outline, head radii.
    """

    texture: Image.Image
    base: Colour
    rim: Colour
    ears: Colour | None
    muzzle: Colour | None
    paws: Colour | None
    chest: Colour | None
    tail: Colour | None
    inner_ear: Colour
    nose: Colour
    iris: Colour
    whiskers: Colour
    fluff: float


def draw_coat(rng: numpy.random.Generator, side: int, unit: float) -> Coat:
    """Draw a coat.

    Args:
        rng: Source of chance.
        side: Side of the canvas it will be used on, canvas pixels.
        unit: Radius of the pet's head, canvas pixels; patterns scale with it.

    Returns:
        The coat.
    """
    base = pick(rng, FUR, 7)
    dark = mix(base, (20, 14, 12), rng.uniform(0.3, 0.55))
    marking = mix(base, pick(rng, FUR, 7), 0.6) if rng.random() < 0.4 else dark
    points = mix(base, (30, 20, 18), rng.uniform(0.45, 0.75))
    style = rng.choice(("none", "white", "points"), p=(0.25, 0.45, 0.3))

    def part(chance: float) -> Colour | None:
        worn = rng.random() < chance
        if style == "none" or not worn:
            return None
        return mix(WHITE, base, 0.12) if style == "white" else points

    light = sum(base) > 360
    return Coat(
        texture=_texture(rng, side, unit, (base, marking)),
        base=base,
        rim=mix(base, (18, 12, 12), rng.uniform(0.5, 0.85)),
        ears=part(0.0 if style == "white" else 0.8),
        muzzle=part(0.85),
        paws=part(0.8),
        chest=part(0.7 if style == "white" else 0.0),
        tail=part(0.2 if style == "white" else 0.8),
        inner_ear=mix(base, (206, 158, 156), rng.uniform(0.4, 0.9)),
        nose=pick(rng, NOSE),
        iris=pick(rng, IRIS, 20),
        whiskers=mix((40, 36, 36) if light else (250, 250, 248), base, 0.4),
        fluff=max(0.0, rng.uniform(-0.06, 0.08)),
    )


def _texture(rng, side: int, unit: float, colours) -> Image.Image:
    """Patterned fur, a quarter wider than the canvas; drawn at half size."""
    half, unit = int(side * 0.625), unit / 2
    image = Image.new("RGB", (half, half), colours[0])
    brush = ImageDraw.Draw(image)
    pattern = rng.choice(PATTERNS, p=(0.4, 0.18, 0.12, 0.16, 0.14))
    if pattern == "stripes":
        _stripes(brush, rng, half, unit, colours[1])
    elif pattern == "spots":
        _blots(brush, rng, half, unit, colours[1], (0.06, 0.16, 0.42))
    elif pattern == "patches":
        _blots(brush, rng, half, unit, colours[1], (0.35, 0.8, 1.7))
    grain = 26.0 if pattern == "ticked" else rng.uniform(3, 14)
    cells = max(8, int(half / max(unit * 0.07, 2.5)))
    tall = max(8, cells // int(rng.integers(1, 5)))
    noise = rng.normal(128, grain, (tall, cells)).clip(0, 255).astype(numpy.uint8)
    fur = Image.fromarray(noise).resize((half, half), Image.Resampling.BILINEAR)
    image = ImageChops.add(image, fur.convert("RGB"), 1, -128)
    # Nearest is enough: the canvas will be averaged over larger squares.
    return image.resize((half * 2, half * 2), Image.Resampling.NEAREST)


def _stripes(brush, rng, half: int, unit: float, colour: Colour) -> None:
    angle = rng.uniform(0, numpy.pi)
    along = numpy.array([numpy.cos(angle), numpy.sin(angle)])
    across = along[::-1] * (-1, 1)
    gap = unit * rng.uniform(0.3, 0.55)
    t = numpy.linspace(-0.75, 0.75, 14)[:, None] * half
    for at in numpy.arange(-0.75 * half, 0.75 * half, gap):
        wobble = rng.normal(0, gap * 0.22, (14, 1))
        line = half / 2 + t * along + (at + wobble) * across
        width = max(1, int(gap * rng.uniform(0.25, 0.5)))
        brush.line(curve(line, False, 4).ravel().tolist(), colour, width)


def _blots(brush, rng, half: int, unit: float, colour: Colour, sizes) -> None:
    small, large, gap = (value * unit for value in sizes)
    turn = numpy.arange(7) * 2 * numpy.pi / 7
    around = numpy.stack([numpy.cos(turn), numpy.sin(turn)], 1)
    for _ in range(min(100, int((half / gap) ** 2 * 0.8))):
        radii = rng.uniform(small, large, (7, 1))
        blot = curve(around * radii, steps=4) + rng.uniform(0, half, 2)
        brush.polygon(blot.ravel().tolist(), fill=colour)
