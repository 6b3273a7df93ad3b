"""Whole cats and dogs: sitting, standing and lying, the head at the pen's zero."""

import numpy

from kerasnorm.data.drawn_pets.build import Pet
from kerasnorm.data.drawn_pets.canvas import Pen, curve, ellipse, symmetric
from kerasnorm.data.drawn_pets.heads import front_head, side_head
from kerasnorm.data.drawn_pets.tails import lying_tail, sitting_tail, standing_tail

PROFILE_SHARE = 0.18


def sitting(pet: Pet, pen: Pen) -> None:
    """Draw a pet that sits and faces the viewer."""
    b, rng = pet.build, pet.rng
    high, wide = b["body"] * 0.86, b["chest"] * 0.91
    haunch, ground, neck = wide * b["haunch"], 0.6 + high, 0.6
    _shadow(pen, 0, ground, haunch * 1.5)
    sitting_tail(pet, pen.at(0, ground, mirror=bool(rng.random() < 0.5)), haunch)
    outline = [
        (0, 0.2),
        (wide * 0.62, 0.5),
        (wide * 0.86, neck + high * 0.35),
        (haunch, neck + high * 0.72),
        (haunch * 0.94, ground - 0.05),
        (0, ground),
    ]
    pet.fur(pen, symmetric(outline))
    for side in (-1, 1):
        foot = ellipse(side * haunch * 0.78, ground - 0.08, 0.36, 0.2)
        pet.fur(pen, foot, pet.coat.paws)
    if pet.coat.chest:
        bib = [
            (0, 0.3),
            (wide * 0.4, 0.7),
            (wide * 0.34, neck + high * 0.4),
            (0, neck + high * 0.62),
        ]
        pen.fill(symmetric(bib), pet.coat.chest)
    r = b["leg_width"] * 1.05
    for side in (-1, 1):
        x = side * wide * 0.4 + rng.uniform(-0.06, 0.06)
        leg = [(side * wide * 0.42, neck + high * 0.45), (x, ground - 0.1)]
        pet.limb(pen, leg, (r * 1.15, r))
        _front_paw(pet, pen.at(x, ground), r)
    front_head(pet, pen.at(angle=rng.normal(0, 0.12)))


def standing(pet: Pet, pen: Pen) -> None:
    """Draw a pet that stands or walks to the right."""
    b, rng = pet.build, pet.rng
    long, deep, back = b["body"], b["chest"], b["neck"]
    front = -0.75
    hip = front - long
    ground = back + deep * 0.75 + b["legs"]
    _shadow(pen, front - long / 2, ground, long * 0.75)
    standing_tail(pet, pen.at(hip - 0.05, back + 0.2))
    stride = rng.uniform(-0.35, 0.35)
    far = back + deep * 0.55
    _front_leg(pet, pen.at(front - 0.05, far), ground - far, -stride, 0.16)
    _hind_leg(pet, pen.at(hip + 0.35, far), ground - far, stride, 0.16)
    outline = [
        (front + 0.36, back + 0.35 * deep),
        (front + 0.12, back + deep * 0.92),
        (front - 0.35 * long, back + deep),
        (front - 0.72 * long, back + deep * b["tuck"]),
        (hip - 0.02, back + deep * 0.85),
        (hip - 0.3, back + deep * 0.4),
        (hip, back + 0.02),
        (front - 0.5 * long, back + 0.03),
        (front - 0.15, back - 0.08),
        (-0.6, -0.1),
        (0.0, -0.2),
        (0.25, 0.5),
    ]
    pet.fur(pen, curve(outline))
    if pet.coat.chest:
        bib = ellipse(front + 0.1, back + deep * 0.55, 0.24, deep * 0.36)
        pen.fill(bib, pet.coat.chest)
    near = back + deep * 0.5
    _front_leg(pet, pen.at(front + 0.05, near), ground - near, stride, 0.0)
    _hind_leg(pet, pen.at(hip + 0.18, near), ground - near, -stride, 0.0)
    _turned_head(pet, pen)


def lying(pet: Pet, pen: Pen) -> None:
    """Draw a pet that lies on its belly, its body to the left."""
    b = pet.build
    long, deep = b["body"] * 0.95, b["chest"]
    back = pet.rng.uniform(0.3, 0.55)
    ground, hip = back + deep * 1.15, -0.4 - long
    _shadow(pen, -0.4 - long / 2, ground, long * 0.8)
    outline = [
        (0.3, back + 0.3),
        (0.3, ground - 0.12),
        (-0.5 * long, ground),
        (hip, ground - 0.02),
        (hip - 0.42, ground - deep * 0.5),
        (hip + 0.1, back + 0.02),
        (-0.5 * long, back + 0.05),
        (-0.5, back - 0.12),
    ]
    pet.fur(pen, curve(outline))
    pet.fur(pen, ellipse(hip + 0.3, ground - deep * 0.42, 0.62, deep * 0.44))
    pet.fur(pen, ellipse(hip + 0.75, ground - 0.08, 0.42, 0.17), pet.coat.paws)
    lying_tail(pet, pen.at(hip, ground))
    r = b["leg_width"] * 1.05
    for x, dark in ((-0.05, 0.12), (0.15, 0.0)):
        reach = x + 0.5 + 0.25 * b["legs"]
        leg = [(x - 0.3, ground - 0.3), (x, ground - r), (reach, ground - r)]
        pet.limb(pen, leg, (r * 1.2, r, r), None, dark)
        paw = ellipse(reach, ground - r * 0.95, r * 1.2, r)
        pet.fur(pen, paw, pet.coat.paws, dark)
    _turned_head(pet, pen)


def _turned_head(pet: Pet, pen: Pen) -> None:
    profile = pet.rng.random() < PROFILE_SHARE
    head = side_head if profile else front_head
    head(pet, pen.at(angle=pet.rng.normal(0, 0.13)))


def _front_leg(pet: Pet, pen: Pen, length: float, stride: float, dark: float) -> None:
    """Draw a straight leg, `length` long, from the pen's zero to the ground."""
    r, foot = pet.build["leg_width"], stride * length * 0.6
    path = [(0, 0), (foot / 2 + 0.03, length * 0.5), (foot, length - 0.08)]
    pet.limb(pen, path, (r * 1.45, r, r * 0.9), None, dark)
    _side_paw(pet, pen.at(foot, length), r, dark)


def _hind_leg(pet: Pet, pen: Pen, length: float, stride: float, dark: float) -> None:
    """Draw a leg with a thigh and a hock."""
    r, foot = pet.build["leg_width"], stride * length * 0.6
    path = [
        (-0.08, 0),
        (0.1, length * 0.3),
        (foot - 0.16, length * 0.66),
        (foot, length - 0.08),
    ]
    pet.limb(pen, path, (0.5, 0.36, r * 0.9, r * 0.85), None, dark)
    _side_paw(pet, pen.at(foot, length), r, dark)


def _side_paw(pet: Pet, pen: Pen, r: float, dark: float) -> None:
    paw = ellipse(r * 0.35, -r * 0.5, r * 1.3, r * 0.72)
    pet.fur(pen, paw, pet.coat.paws, dark)


def _front_paw(pet: Pet, pen: Pen, r: float) -> None:
    """Draw a paw seen from the front, with its toes."""
    pet.fur(pen, ellipse(0, -r * 0.5, r * 1.25, r * 0.8), pet.coat.paws)
    for x in (-0.35, 0.35):
        toe = numpy.array([(x, -0.45), (x, 0.15)]) * r
        pen.line(toe, 0.04, pet.coat.rim)


def _shadow(pen: Pen, x: float, y: float, width: float) -> None:
    """Darken the ground under a pet."""
    for fraction, value in ((1.0, 118), (0.85, 106), (0.65, 96)):
        pen.shadow(ellipse(x, y, width * fraction, width * fraction * 0.2), value)


POSES = (sitting, standing, lying)
