"""Heads of cats and dogs, from the front and in profile."""

import dataclasses

from kerasnorm.data.drawn_pets import ears, faces
from kerasnorm.data.drawn_pets.build import Pet
from kerasnorm.data.drawn_pets.canvas import Pen, curve, symmetric

MUZZLES = {"cat": faces.cat_muzzle, "dog": faces.dog_muzzle}
PROFILES = {"cat": faces.cat_profile, "dog": faces.dog_profile}


def front_head(pet: Pet, pen: Pen) -> None:
    """Draw a head that looks at the viewer, turned by the pet's yaw."""
    b = pet.build
    w, jaw, chin = b["width"], b["jaw"], b["chin"]
    skull = [
        (0, -0.88),
        (0.45 * w, -0.84),
        (0.84 * w, -0.46),
        (w, 0.06),
        (w * (jaw + 0.22), 0.5),
        (w * jaw * 0.62, chin * 0.88),
        (0, chin),
    ]
    if pet.ears == "upright":
        ears.front_ears(pet, pen)
    pet.fur(pen, symmetric(skull))
    if pet.ears != "upright":
        ears.front_ears(pet, pen)
    turn = pet.yaw * 0.22
    MUZZLES[pet.kind](pet, pen.at(turn, 0))
    for side in (-1, 1):
        # The eye on the far side is narrower and nearer to the middle.
        far = pet.yaw * side
        x = side * b["eye_gap"] * w * (1 - 0.12 * far) + turn * 0.8
        eye_pen = pen.at(x, b["eye_height"], mirror=side < 0)
        faces.eye(pet, eye_pen, b["eye"] * (1 - 0.3 * max(0.0, far)))


def side_head(pet: Pet, pen: Pen) -> None:
    """Draw a head in profile that looks to the right."""
    b = pet.build
    tip = 0.78 + b["snout"]
    pet = dataclasses.replace(pet, spread=0.0)
    ears.far_ear(pet, pen)
    pet.fur(pen, curve(OUTLINES[pet.kind](tip)))
    PROFILES[pet.kind](pet, pen, tip)
    faces.eye(pet, pen.at(0.42, b["eye_height"] - 0.16), b["eye"] * 0.85)
    ears.near_ear(pet, pen)


def _cat_outline(tip: float) -> list[tuple[float, float]]:
    return [
        (-0.9, 0.05),
        (-0.6, -0.68),
        (0.05, -0.9),
        (0.55, -0.72),
        (0.76, -0.3),
        (tip - 0.06, -0.02),
        (tip, 0.2),
        (tip - 0.14, 0.42),
        (tip - 0.3, 0.6),
        (0.35, 0.78),
        (-0.35, 0.85),
    ]


def _dog_outline(tip: float) -> list[tuple[float, float]]:
    return [
        (-0.86, 0.0),
        (-0.55, -0.66),
        (0.0, -0.82),
        (0.45, -0.68),
        (0.68, -0.34),
        (tip - 0.1, -0.16),
        (tip + 0.02, 0.08),
        (tip - 0.06, 0.36),
        (0.62, 0.6),
        (0.1, 0.8),
        (-0.4, 0.82),
    ]


OUTLINES = {"cat": _cat_outline, "dog": _dog_outline}
