"""Eyes, muzzles and whiskers, from the front and in profile."""

import numpy

from kerasnorm.data.drawn_pets.build import Pet
from kerasnorm.data.drawn_pets.canvas import Colour, Pen, curve, ellipse, symmetric
from kerasnorm.data.drawn_pets.coat import mix

TONGUE = (226, 112, 118)
PALE = (250, 244, 236)
PUPIL = (14, 12, 14)
WHISKER_WIDTH = 0.026


def _ink(pet: Pet) -> Colour:
    """Colour of the lines in the face."""
    return mix(pet.coat.rim, (20, 14, 14), 0.4)


def _muzzle_colour(pet: Pet) -> Colour:
    return pet.coat.muzzle or mix(pet.coat.base, PALE, 0.4)


def eye(pet: Pet, pen: Pen, size: float) -> None:
    """Draw one eye; the pen is at its middle, outward is to the right."""
    b = pet.build
    if pet.lids >= 1:
        arc = [(-size, 0), (0, size * 0.45), (size, -size * 0.1)]
        pen.line(curve(arc, closed=False), 0.07, _ink(pet))
        return
    tall = b["eye_opening"] * (1 - 0.6 * pet.lids)
    almond = [
        (-1, 0.12),
        (-0.45, -tall * 0.8),
        (0.3, -tall * 0.85),
        (1, -0.1),
        (0.45, tall * 0.75),
        (-0.4, tall * 0.8),
    ]
    outline = curve(almond)
    look = pen.at(0, 0, angle=b["eye_tilt"], scale=size)
    look.fill(outline * 1.22, mix(pet.coat.rim, (10, 8, 8), 0.6))
    look.fill(outline, pet.coat.iris)
    look.fill(ellipse(0, 0, tall * 0.8 * b["pupil"], tall * 0.8), PUPIL)
    pen.fill(ellipse(-0.2 * size, -0.3 * size, 0.04, 0.04), (250, 250, 250))


def cat_muzzle(pet: Pet, pen: Pen) -> None:
    """Draw two small pads, a small nose and the mouth under it."""
    size, n, ink = pet.build["muzzle"], pet.build["nose"], _ink(pet)
    colour = _muzzle_colour(pet)
    y = 0.42
    chin = ellipse(0, y + size * 0.8, size * 0.5, size * 0.42)
    pen.fill(chin, mix(colour, pet.coat.rim, 0.12))
    for side in (-1, 1):
        x = side * size * 0.58
        pad = ellipse(x, y + size * 0.2, size * 0.66, size * 0.56)
        pen.solid(pad, colour, mix(colour, pet.coat.rim, 0.25))
    if pet.tongue:
        pen.fill(ellipse(0, y + size * 0.85, 0.1, pet.tongue * 0.5), TONGUE)
    nose = [(-n * 1.2, y - n), (0, y - n * 1.25), (n * 1.2, y - n), (0, y + n * 0.55)]
    pen.fill(curve(nose), pet.coat.nose)
    for side in (-1, 1):
        mouth = [
            (0, y + n * 0.5),
            (side * size * 0.14, y + size * 0.62),
            (side * size * 0.72, y + size * 0.58),
        ]
        pen.line(curve(mouth, closed=False), 0.045, ink)
    if pet.whiskered:
        _whiskers(pet, pen, y + size * 0.2, size * 0.6)


def dog_muzzle(pet: Pet, pen: Pen) -> None:
    """Draw a large muzzle with a large nose, the jowls and the folds of the brow."""
    size, n, ink = pet.build["muzzle"], pet.build["nose"], _ink(pet)
    colour = _muzzle_colour(pet)
    top, long = 0.02, size * 1.15
    if pet.tongue:
        tongue = ellipse(0.03, top + long * 1.3, size * 0.32, pet.tongue)
        pen.solid(tongue, TONGUE, ink)
    shape = [
        (0, top - 0.12),
        (size * 0.5, top + 0.02),
        (size * 0.86, top + long * 0.6),
        (size * 0.9, top + long),
        (size * 0.5, top + long * 1.32),
        (0, top + long * 1.36),
    ]
    pen.solid(symmetric(shape), colour, mix(colour, pet.coat.rim, 0.3))
    y = top + long * 0.42
    _large_nose(pet, pen.at(0, y))
    mouth = y + long * 0.5
    pen.line([(0, y + n * 0.7), (0, mouth)], 0.05, ink)
    for side in (-1, 1):
        jowl = [
            (0, mouth),
            (side * size * 0.45, mouth + long * 0.18),
            (side * size * 0.86, mouth - long * 0.05),
        ]
        pen.line(curve(jowl, closed=False), 0.05, ink)
        for x, up in ((0.42, 0.14), (0.6, 0.19), (0.5, 0.05)):
            pen.fill(ellipse(side * size * x, mouth - up * size, 0.03, 0.03), ink)
    if pet.rng.random() < 0.6:
        for up in (0.14, 0.28):
            y_fold = top - 0.16 - up
            fold = [(-0.26, y_fold), (0, y_fold + 0.06), (0.26, y_fold)]
            pen.line(curve(fold, closed=False), 0.04, mix(pet.coat.base, ink, 0.7))
    if pet.whiskered:
        _whiskers(pet, pen, y + n, size * 0.7)


def _large_nose(pet: Pet, pen: Pen) -> None:
    n, colour = pet.build["nose"], pet.coat.nose
    shape = numpy.array([(0, -0.7), (0.9, -0.62), (1.2, -0.1), (0.5, 0.6), (0, 0.75)])
    pen.solid(symmetric(shape * n), colour, _ink(pet))
    glint = ellipse(-n * 0.4, -n * 0.35, n * 0.3, n * 0.15)
    pen.fill(glint, mix(colour, (255, 255, 255), 0.6))


def _whiskers(pet: Pet, pen: Pen, y: float, x: float) -> None:
    droop = pet.rng.uniform(-0.1, 0.25)
    for side in (-1, 1):
        for turn in (-0.22, 0.02, 0.26):
            end = pet.build["whiskers"] * pet.rng.uniform(0.85, 1.1)
            path = [
                (side * x * 0.7, y + turn * 0.25),
                (side * (x + end * 0.5), y + turn * end * 0.5 - 0.05),
                (side * (x + end), y + (turn + droop) * end),
            ]
            pen.line(curve(path, closed=False), WHISKER_WIDTH, pet.coat.whiskers)


def cat_profile(pet: Pet, pen: Pen, tip: float) -> None:
    """Draw a small muzzle whose foremost point is at x = `tip`."""
    n, colour = pet.build["nose"], _muzzle_colour(pet)
    pad = ellipse(tip - 0.26, 0.3, 0.24, 0.2)
    pen.solid(pad, colour, mix(colour, pet.coat.rim, 0.25))
    pen.fill(ellipse(tip - 0.03, 0.06, n * 0.8, n * 0.9), pet.coat.nose)
    mouth = [(tip - 0.06, 0.3), (tip - 0.22, 0.4), (tip - 0.4, 0.38)]
    pen.line(curve(mouth, closed=False), 0.05, _ink(pet))
    _side_whiskers(pet, pen, tip)


def dog_profile(pet: Pet, pen: Pen, tip: float) -> None:
    """Draw a long muzzle whose foremost point is at x = `tip`."""
    n, colour, ink = pet.build["nose"], _muzzle_colour(pet), _ink(pet)
    patch = [
        (0.66, -0.26),
        (tip - 0.12, -0.13),
        (tip, 0.08),
        (tip - 0.08, 0.32),
        (0.72, 0.52),
        (0.5, 0.16),
    ]
    pen.solid(curve(patch), colour, mix(colour, pet.coat.rim, 0.25))
    if pet.tongue:
        pen.solid(ellipse(tip - 0.35, 0.5, 0.13, pet.tongue), TONGUE, ink)
    pen.solid(ellipse(tip, -0.08, n, n * 0.85), pet.coat.nose, ink)
    mouth = [(tip - 0.02, 0.24), (tip - 0.3, 0.34), (0.55, 0.36)]
    pen.line(curve(mouth, closed=False), 0.05, ink)
    _side_whiskers(pet, pen, tip)


def _side_whiskers(pet: Pet, pen: Pen, tip: float) -> None:
    if not pet.whiskered:
        return
    end = pet.build["whiskers"]
    for turn in (-0.2, 0.05, 0.3):
        path = [
            (tip - 0.22, 0.3),
            (tip - 0.22 - end * 0.35, 0.4 + turn * 0.5),
            (tip - 0.22 - end * 0.7, 0.55 + turn),
        ]
        pen.line(curve(path, closed=False), WHISKER_WIDTH, pet.coat.whiskers)
