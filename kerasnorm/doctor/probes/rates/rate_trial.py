"""What short trainings at a learning rate and at a fraction of it gave together."""

from collections.abc import Mapping
from dataclasses import dataclass

from kerasnorm.doctor.probes.rates.rate_runs import LEARNED, has_exploded

# New weights from which both rates are compared.
SEEDS = 3


@dataclass(frozen=True)
class RateTrial:
    """Short trainings, each cooled down, from several new weights.

    Losses are calibrated ones of training samples left out, in nats, one for each
    training; that of a training which diverged is infinite.

    Args:
        learning_rate: The model's learning rate.
        fraction: The fraction of it that learned best, or that did not explode.
        steps: Steps of each training.
        chance: Loss of the class fractions.
        losses: Losses at the full rate, one for each seed, and one of a training of
            `most_steps`.
        slower_losses: Losses at that fraction.
        skills: Part of the entropy of the classes that each slower training explains
            beyond what its new weights did.
        skill_by_factor: The same of the first seed at each multiple of the rate that
            was tried.
        most_steps: Steps of the longest training at the full rate.
        training_losses: Compiled losses in training at the full rate, one for each
            seed, where that of the first was many times that of a slower training.
        slower_training_losses: The same at the fraction.
    """

    learning_rate: float
    fraction: float
    steps: int
    chance: float
    losses: tuple[float, ...]
    slower_losses: tuple[float, ...]
    skills: tuple[float, ...]
    skill_by_factor: Mapping[float, float]
    most_steps: int | None = None
    training_losses: tuple[float, ...] = ()
    slower_training_losses: tuple[float, ...] = ()

    @property
    def explodes(self) -> bool:
        """Whether the training loss is many times that at the fraction, always."""
        return (
            len(self.training_losses) >= SEEDS
            and self.skill_by_factor.get(1.0, 0.0) <= LEARNED
            and has_exploded(self.training_losses, self.slower_training_losses)
        )

    @property
    def is_too_high(self) -> bool:
        """Whether every run at the rate fails where every slower one does not.

        Either the training loss explodes, or each run at the full rate loses at least
        half of what the slower ones, which all learned, gained over chance.
        """
        if self.explodes:
            return True
        if not self.losses or min(self.skills) <= LEARNED:
            return False
        worst_slower = max(self.slower_losses)
        return min(self.losses) - worst_slower >= (self.chance - worst_slower) / 2

    @property
    def learning_factors(self) -> list[float]:
        """Multiples of the rate, ascending, at which the first seed learned."""
        return sorted(f for f, skill in self.skill_by_factor.items() if skill > LEARNED)
