"""What reference models say of the labels, and what it proves."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasnorm.doctor.probes.labels import noise_plateau, noise_tests
from kerasnorm.doctor.probes.labels.noise_plateau import Plateau
from kerasnorm.doctor.probes.labels.noise_tests import Excess

# Fewer samples in a split leave everything open.
SMALLEST_NUMBER = 50
# Fewer in one pool are no proof by themselves: hard images may look alike.
SMALLEST_POOL = 1000
# z of each family of features alone, where both together prove it.
SUPPORTED = 2.0
# Lower limit of the fraction from which it is worth a word.
MATERIAL = 0.02
# A fraction that may be there; z, and the ratio of a pool, from which it is suspected.
POSSIBLE, SUSPECTED, SUSPECTED_RATIO = 0.05, 2.0, 2.7
# Smallest detectable fraction from which the answer is: cannot tell.
UNSEEN = 0.10


@dataclass(frozen=True)
class Suspect:
    """A training sample whose label is contradicted.

    Args:
        position: Its number in the epoch of training samples.
        label: Number of the class it is labelled as.
        suggested: Number of the class that the reference model predicts.
        probability: Probability that the label is wrong.
        file: Its file, None where unknown.
        image: uint8 of `(height, width, channels)`, for the first ones only.
        class_names: Names of the two classes, their numbers where unknown.
    """

    position: int
    label: int
    suggested: int
    probability: float
    file: str | None = None
    image: np.ndarray | None = None
    class_names: tuple[str, str] = ("", "")

    @property
    def caption(self) -> str:
        """What to write below the image."""
        where = self.file or f"sample {self.position}"
        return f"{where}: {self.class_names[0]}, looks like {self.class_names[1]}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, without the image."""
        return {
            "position": self.position,
            "file": self.file,
            "label": self.label,
            "suggested": self.suggested,
            "probability": round(self.probability, 3),
        }


@dataclass(frozen=True)
class LabelNoiseEstimate:
    """What reference models say of the labels.

    Args:
        accuracy: Accuracy of the reference model, each sample left out.
        samples: Training and validation samples compared.
        comparable: Whether the splits look alike; otherwise images of one may be
            harder, and more contradictions prove nothing.
        excess: Wrong training labels beyond those of validation, None where the model
            knows nothing.
        family_z: z of the excess with each family of features alone; empty where both
            together leave no suspicion.
        plateau: Wrong labels of both splits together, or, where the splits differ, of
            training alone; None for inputs that are no images, where chance may decide
            the class.
        pool: Samples that the plateau was measured on.
        suspects: Training samples that are probably labelled wrongly, the most
            probable first; empty unless wrong labels are proved.
    """

    accuracy: float
    samples: tuple[int, int]
    comparable: bool
    excess: Excess | None
    family_z: tuple[float, ...]
    plateau: Plateau | None = None
    pool: int = 0
    suspects: tuple[Suspect, ...] = ()

    @property
    def excess_proved(self) -> bool:
        """Whether training labels are wrong more often than those of validation."""
        e = self.excess
        return (
            e is not None
            and self.comparable
            and e.z >= noise_tests.PROVED
            and e.low >= MATERIAL
            and min(self.family_z, default=0.0) >= SUPPORTED
        )

    @property
    def plateau_proved(self) -> bool:
        """Whether labels are wrong in the pool, however hard its images are."""
        p = self.plateau
        return (
            p is not None
            and self.pool >= SMALLEST_POOL
            and p.ratio >= noise_plateau.PROVED
            and p.low >= MATERIAL
        )

    @property
    def proved(self) -> bool:
        """Whether a material fraction of the labels is wrong."""
        return self.excess_proved or self.plateau_proved

    @property
    def possible(self) -> bool:
        """Whether a material fraction is suspected, and not proved."""
        if self.proved:
            return False
        e, p = self.excess, self.plateau
        by_excess = e is not None and self.comparable and e.high >= POSSIBLE
        return bool(
            (by_excess and e.z >= SUSPECTED)  # type: ignore[union-attr]
            or (p is not None and p.ratio >= SUSPECTED_RATIO)
        )

    @property
    def fraction(self) -> tuple[float, float, float]:
        """Fraction of wrong training labels with its 95% interval, where proved."""
        found = self.excess if self.excess_proved else self.plateau
        if found is None:
            return 0.0, 0.0, 0.0
        return found.fraction, max(found.low, 0.0), found.high

    @property
    def detectable(self) -> float:
        """Smallest fraction that would have been proved, 1 for none."""
        usable = [1.0]
        if self.excess is not None and self.comparable:
            usable.append(self.excess.detectable)
        if self.plateau is not None and self.pool >= SMALLEST_POOL:
            usable.append(self.plateau.detectable)
        return min(usable)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "accuracy": self.accuracy,
            "samples": list(self.samples),
            "comparable": self.comparable,
            "excess": self.excess and asdict(self.excess),
            "family_z": list(self.family_z),
            "plateau": self.plateau and asdict(self.plateau),
            "pool": self.pool,
            "proved": self.proved,
            "possible": self.possible,
            "smallest_detectable": self.detectable,
            "suspects": [suspect.to_dict() for suspect in self.suspects],
        }


def describe_label_noise(estimate: LabelNoiseEstimate | None) -> str:
    """Return a sentence for the notes of an examination."""
    if estimate is None:
        return (
            "wrong labels: not examined; it takes one input, class labels that are not "
            f"mixed, and at least {SMALLEST_NUMBER} samples in each split"
        )
    if estimate.proved:
        whose = "training labels" if estimate.excess_proved else "labels of both splits"
        return f"wrong labels: {estimate.fraction[0]:.0%} of the {whose}"
    least = estimate.detectable
    seen = "none" if least >= 1 else f"only {least:.0%} or more"
    if not estimate.comparable and least > UNSEEN:
        return (
            "wrong labels: cannot tell; training images differ from validation images, "
            "so that hard images look like wrong labels (plain= takes training images "
            f"without augmentation); of wrong labels {seen} would be seen"
        )
    excess = estimate.excess
    if excess is None or least > UNSEEN:
        number = sum(estimate.samples)
        return (
            f"wrong labels: cannot tell; with these {number} samples {seen} would be "
            "seen"
        )
    if estimate.comparable:
        return (
            f"wrong labels: at most {max(excess.high, 0):.0%} of the training labels, "
            f"beyond those of validation; {least:.0%} would have been seen"
        )
    return f"wrong labels: not proved; {least:.0%} would have been seen"
