"""Ears: upright, folded and floppy, from the front and in profile."""

import numpy

from kerasnorm.data.drawn_pets.build import Pet
from kerasnorm.data.drawn_pets.canvas import Pen, curve
from kerasnorm.data.drawn_pets.coat import mix


def front_ears(pet: Pet, pen: Pen) -> None:
    """Draw both ears of a head that looks at the viewer."""
    for side in (1, -1):
        width = pet.build["ear_width"] * (1 - 0.18 * pet.yaw * side)
        ear_pen = pen.at(0.06 * pet.yaw, 0, mirror=side < 0)
        FRONT[pet.ears](pet, ear_pen, width)


def _on_skull(pet: Pet, angle: float, radius: float = 0.86) -> numpy.ndarray:
    """Point at an angle from straight up, radians, and a distance from the middle."""
    w = pet.build["width"]
    return numpy.array([numpy.sin(angle) * radius * w, -numpy.cos(angle) * radius])


def _upright(pet: Pet, pen: Pen, width: float) -> None:
    b = pet.build
    middle = b["ear_angle"] + pet.spread * 0.5
    half = b["ear_base"] * width
    inner, outer = _on_skull(pet, middle - half), _on_skull(pet, middle + half)
    tip = _on_skull(pet, middle + pet.spread * 0.6 - 0.1, 0.9 + b["ear_length"])
    across = (outer - inner) * b["ear_bluntness"]
    bulge = across + (outer - inner) * 0.04
    shape = numpy.vstack(
        [
            curve([inner, (inner + tip) / 2 - bulge, tip - across], closed=False),
            curve([tip + across, (outer + tip) / 2 + bulge, outer], closed=False),
        ]
    )
    pet.fur(pen, shape, pet.coat.ears)
    base = (inner + outer) / 2
    inside = base + (shape - base) * 0.62 + (tip - base) * 0.06
    pen.fill(inside, pet.coat.inner_ear)


def _folded(pet: Pet, pen: Pen, width: float) -> None:
    """Stands up a little, then falls forward."""
    b = pet.build
    middle, half = 0.72, 0.35 * width
    size = b["ear_length"] * b["ear_fold"]
    high = 0.86 + size * 0.8
    inner, outer = _on_skull(pet, middle - half), _on_skull(pet, middle + half)
    left = _on_skull(pet, middle - half * 0.75, high)
    right = _on_skull(pet, middle + half * 0.75, high)
    pet.fur(pen, curve([inner, left, right, outer]), pet.coat.ears)
    crease = (left + right) / 2
    tip = numpy.add(crease, (0.14 + pet.spread * 0.5, 0.95 * size))
    top = numpy.subtract(crease, (0, 0.07))
    below = [numpy.add(right, (0.03, 0.1)), tip, numpy.add(left, (0, 0.12))]
    flap = numpy.vstack(
        [
            curve([left, top, right], closed=False),
            curve(below, closed=False),
        ]
    )
    pet.fur(pen, flap, pet.coat.ears, 0.1)


def _floppy(pet: Pet, pen: Pen, width: float) -> None:
    """Hangs down the side of the head like a leaf."""
    drop = pet.build["ear_length"]
    hang = pen.at(0.62 * pet.build["width"], -0.66, angle=-pet.spread * 1.4)
    leaf = [
        (-0.18, -0.08),
        (0.1, -0.2),
        (0.36, 0.0),
        (0.5 * width, 0.5 * drop),
        (0.52 * width, 0.98 * drop),
        (0.3 * width, 1.28 * drop),
        (0.08, 1.08 * drop),
        (0.02, 0.6 * drop),
        (-0.1, 0.25),
    ]
    pet.fur(hang, curve(leaf), pet.coat.ears)
    shade = mix(pet.coat.ears or pet.coat.base, pet.coat.rim, 0.6)
    for x in (0.14, 0.26, 0.38):
        lock = [(x * width, 0.72 * drop), (x * width + 0.02, (1.3 - x * 0.5) * drop)]
        hang.line(lock, 0.04, shade)


def far_ear(pet: Pet, pen: Pen) -> None:
    """Draw the ear that the head in profile half hides."""
    if pet.ears == "upright":
        _side_upright(pet, pen.at(0.16, 0.02), 0.12)


def near_ear(pet: Pet, pen: Pen) -> None:
    """Draw the ear on this side of a head in profile."""
    if pet.ears == "upright":
        _side_upright(pet, pen.at(-0.14, 0.02), 0.0)
    elif pet.ears == "floppy":
        _floppy(pet, pen.at(-0.86, 0.12, angle=0.12), pet.build["ear_width"])
    else:
        _side_folded(pet, pen)


def _side_upright(pet: Pet, pen: Pen, darkness: float) -> None:
    b = pet.build
    half, blunt = b["ear_base"] * 0.9 * b["ear_width"], b["ear_bluntness"] * 0.6
    top, waist = -0.72 - b["ear_length"], -0.75 - b["ear_length"] * 0.5
    back = [(-half - 0.1, -0.6), (-half * 0.8, waist), (-0.06 - blunt, top)]
    front = [(blunt, top), (half * 0.75, waist), (half, -0.62)]
    shape = numpy.vstack([curve(back, closed=False), curve(front, closed=False)])
    pet.fur(pen, shape, pet.coat.ears, darkness)
    if not darkness:
        base = numpy.array([0.0, -0.7])
        pen.fill(base + (shape - base) * 0.58, pet.coat.inner_ear)


def _side_folded(pet: Pet, pen: Pen) -> None:
    size = pet.build["ear_length"] * pet.build["ear_fold"] * 1.3
    flap = [
        (-0.42, -0.66),
        (-0.2, -0.98),
        (0.16, -0.9),
        (0.2 + 0.25 * size, -0.6),
        (0.12 + 0.3 * size, -0.82 + 0.85 * size),
        (-0.12, -0.5),
    ]
    pet.fur(pen, curve(flap), pet.coat.ears)


FRONT = {"upright": _upright, "folded": _folded, "floppy": _floppy}
