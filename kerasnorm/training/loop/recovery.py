"""What has been changed in a training because numbers had gone bad."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from kerasnorm.training.settings import Settings

# After so many a training is beyond help: batch after batch would be skipped.
MOST_RECOVERIES = 8
SLOWER = 0.5


@dataclasses.dataclass
class Recovery:
    """Batches left out and the fraction of the learning rate that is left.

    It belongs to the state of the training: a resumed run keeps it.

    Args:
        skipped: Steps, counted from 0 over the whole training, whose batch is
            replaced by the one after it.
        rate_factor: What the learning rate is multiplied by, above 0 to 1.
        times: How often training had to go back.
    """

    skipped: set[int] = dataclasses.field(default_factory=set)
    rate_factor: float = 1.0
    times: int = 0

    def react(self, on_nan: str, step: int) -> bool:
        """Note what changes now.

        Args:
            on_nan: `stop`, `skip` or `reduce-lr`.
            step: The step that went bad.

        Returns:
            Whether to try again.
        """
        self.times += 1
        if on_nan == "stop" or self.times > MOST_RECOVERIES:
            return False
        if on_nan == "skip":
            self.skipped.add(step)
        else:
            self.rate_factor *= SLOWER
        return True

    def slowed(self, settings: Settings) -> Settings:
        """Return the settings with what is left of the learning rate.

        Args:
            settings: The run's settings.
        """
        rate = float(settings.learning_rate) * self.rate_factor
        return settings.replace(learning_rate=rate)

    def get_state(self) -> dict[str, Any]:
        """Return all of it as plain values, for a checkpoint."""
        return {
            "skipped": sorted(self.skipped),
            "rate_factor": self.rate_factor,
            "times": self.times,
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint holds, unless more has happened since.

        Args:
            state: What `get_state` returned.
        """
        self.skipped |= set(state["skipped"])
        self.rate_factor = min(self.rate_factor, state["rate_factor"])
        self.times = max(self.times, state["times"])
