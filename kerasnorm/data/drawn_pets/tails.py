"""Tails: long and even on cats, shorter and tapering on dogs."""

from kerasnorm.data.drawn_pets.build import Pet
from kerasnorm.data.drawn_pets.canvas import Pen


def sitting_tail(pet: Pet, pen: Pen, haunch: float) -> None:
    """Draw the tail beside a sitting pet; the pen is on the ground below it."""
    long = pet.build["tail"]
    if pet.kind == "cat":
        lift = pet.rng.uniform(0.15, 1.0) * long
        path = [
            (haunch * 0.5, -0.2),
            (haunch + 0.35, -0.12),
            (haunch + 0.3 + 0.25 * long, -0.35 * lift),
            (haunch + 0.1 + 0.15 * long, -0.7 * lift),
        ]
    else:
        path = [
            (haunch * 0.6, -0.3),
            (haunch + 0.3 * long, -0.4),
            (haunch + 0.45 * long, -0.4 - 0.45 * long),
        ]
    _tail(pet, pen, path)


def standing_tail(pet: Pet, pen: Pen) -> None:
    """Draw the tail of a standing pet; the pen is at its root."""
    long, rng = pet.build["tail"], pet.rng
    low = rng.random() < 0.33
    if pet.kind == "cat" and low:
        path = [(0.2, 0.1), (-0.4, 0.2), (-0.6 * long, 0.55), (-0.95 * long, 0.1)]
    elif pet.kind == "cat":
        tip = -0.45 + rng.uniform(-0.5, 0.5)
        path = [(0.2, 0.1), (-0.3, -0.1), (-0.45, -0.5 * long), (tip, -0.9 * long)]
    elif low:
        path = [(0.2, 0.1), (-0.3 * long, 0.15), (-0.42 * long, 0.7 * long)]
    else:
        tip = -0.4 * long + rng.uniform(-0.1, 0.3)
        path = [(0.2, 0.1), (-0.35 * long, -0.25 * long), (tip, -0.7 * long)]
    _tail(pet, pen, path)


def lying_tail(pet: Pet, pen: Pen) -> None:
    """Draw the tail of a lying pet; the pen is on the ground below its hip."""
    long = pet.build["tail"]
    if pet.kind == "cat":
        path = [(-0.2, -0.35), (-0.55, -0.1), (0.3, 0.1), (-0.4 + long, 0.12)]
    else:
        path = [(-0.2, -0.35), (-0.6, -0.15), (-0.3 - 0.25 * long, -0.12)]
    _tail(pet, pen, path)


def _tail(pet: Pet, pen: Pen, path) -> None:
    r = pet.build["tail_width"]
    radii = (r, r, r * 0.87) if pet.kind == "cat" else (r * 1.15, r, r * 0.5)
    pet.limb(pen, path, radii, pet.coat.tail)
