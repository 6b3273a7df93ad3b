"""What makes a cat a cat and a dog a dog: shapes only, never a colour."""

import dataclasses

import numpy

from kerasnorm.data.drawn_pets.canvas import Pen, fringe, limb
from kerasnorm.data.drawn_pets.coat import Coat

# Each number of a pet is drawn evenly from its range. Lengths in head radii, angles
# in radians. Most ranges of the two kinds touch or overlap, ears are shared between
# them: no single cue decides.
RANGES: dict[str, dict[str, tuple[float, float]]] = {
    "cat": {
        "width": (0.98, 1.16),
        "jaw": (0.5, 0.72),
        "chin": (0.82, 0.9),
        "ear_length": (0.72, 1.05),
        "ear_width": (0.8, 1.1),
        "ear_angle": (0.66, 0.74),
        "ear_base": (0.38, 0.42),
        "ear_bluntness": (0.02, 0.05),
        "ear_fold": (0.38, 0.46),
        "eye": (0.24, 0.31),
        "eye_height": (0.02, 0.12),
        "eye_gap": (0.41, 0.45),
        "eye_tilt": (-0.36, -0.2),
        "eye_opening": (0.76, 0.88),
        "pupil": (0.16, 0.52),
        "muzzle": (0.3, 0.42),
        "snout": (0.22, 0.42),
        "nose": (0.09, 0.13),
        "whiskers": (0.6, 1.05),
        "body": (2.1, 2.7),
        "chest": (0.85, 1.05),
        "haunch": (1.15, 1.28),
        "tuck": (0.88, 0.96),
        "neck": (0.35, 0.65),
        "legs": (0.9, 1.25),
        "leg_width": (0.19, 0.26),
        "tail": (1.9, 2.7),
        "tail_width": (0.13, 0.24),
    },
    "dog": {
        "width": (0.82, 1.02),
        "jaw": (0.48, 0.78),
        "chin": (0.96, 1.06),
        "ear_length": (0.7, 1.15),
        "ear_width": (0.7, 1.0),
        "ear_angle": (0.58, 0.67),
        "ear_base": (0.27, 0.34),
        "ear_bluntness": (0.08, 0.16),
        "ear_fold": (0.54, 0.7),
        "eye": (0.13, 0.19),
        "eye_height": (-0.22, -0.06),
        "eye_gap": (0.35, 0.41),
        "eye_tilt": (-0.04, 0.16),
        "eye_opening": (0.9, 1.06),
        "pupil": (0.6, 0.74),
        "muzzle": (0.56, 0.76),
        "snout": (0.55, 1.05),
        "nose": (0.2, 0.27),
        "whiskers": (0.3, 0.6),
        "body": (2.0, 2.8),
        "chest": (0.95, 1.35),
        "haunch": (1.0, 1.16),
        "tuck": (0.65, 0.9),
        "neck": (0.55, 1.0),
        "legs": (0.7, 1.7),
        "leg_width": (0.2, 0.32),
        "tail": (0.8, 1.9),
        "tail_width": (0.12, 0.26),
    },
}
EARS = {
    "cat": {"upright": 0.9, "folded": 0.1},
    "dog": {"floppy": 0.62, "folded": 0.22, "upright": 0.16},
}
WHISKERED = {"cat": 0.85, "dog": 0.4}


@dataclasses.dataclass(frozen=True)
class Pet:
    """One pet: its build, its coat, what its face does.

    Attributes:
        kind: "cat" or "dog".
        build: One number for each name of `RANGES`.
        ears: "upright", "folded" or "floppy".
        whiskered: Whether its whiskers can be seen.
        coat: Its colours.
        rng: Source of chance for the small things.
        yaw: Where the head turns, -1 (left) to 1 (right).
        lids: How far the eyes are closed, 0 to 1.
        tongue: Length of the tongue that is out, head radii; 0 is none.
        spread: How far the ears are turned outward, radians.
    """

    kind: str
    build: dict[str, float]
    ears: str
    whiskered: bool
    coat: Coat
    rng: numpy.random.Generator
    yaw: float
    lids: float
    tongue: float
    spread: float

    def fur(self, pen: Pen, points, colour=None, darkness=0.0, tube=False) -> None:
        """Draw a rounded furry part: of one colour, or of the coat's texture."""
        if self.coat.fluff:
            points = fringe(points, self.coat.fluff, self.rng)
        fill = colour or (self.coat.texture, self.rng.uniform(0, 1, 2))
        pen.solid(points, fill, self.coat.rim, darkness, tube)

    def limb(self, pen: Pen, path, radii, colour=None, darkness=0.0) -> None:
        """Draw a furry tube whose root lies open in the part it grows from."""
        self.fur(pen, limb(path, radii), colour, darkness, tube=True)


def draw_build(kind: str, coat: Coat, rng: numpy.random.Generator) -> Pet:
    """Draw the build and the mood of one pet of a kind."""
    chances = EARS[kind]
    drowsy = rng.uniform(0.2, 0.45)
    return Pet(
        kind=kind,
        build={name: rng.uniform(*limits) for name, limits in RANGES[kind].items()},
        ears=str(rng.choice(list(chances), p=list(chances.values()))),
        whiskered=bool(rng.random() < WHISKERED[kind]),
        coat=coat,
        rng=rng,
        yaw=rng.uniform(-1, 1),
        lids=float(rng.choice((0.0, drowsy, 1.0), p=(0.68, 0.28, 0.04))),
        tongue=rng.uniform(0.2, 0.4) if rng.random() < 0.2 else 0.0,
        spread=rng.uniform(-0.12, 0.25),
    )
