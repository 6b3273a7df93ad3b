"""The training loss that `fit` reported, against that of the samples as given."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.losses.evaluation_batches import evaluation_batches
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.probes.history import read_history
from kerasnorm.doctor.sampling.samples import Samples

# Standard errors within which two losses of the same weights lie.
NEAR = 2.0


@dataclass(frozen=True)
class Reported:
    """The training loss of the epochs, as `fit` reported it.

    Args:
        loss: The loss as compiled.
        means: Its mean over each epoch, with what layers add.
        validation: Validation loss of each epoch, empty without.
    """

    loss: LossOfSamples
    means: tuple[float, ...]
    validation: tuple[float, ...] = ()

    def is_reached(
        self, model: keras.Model, samples: Samples, validation: Samples | None = None
    ) -> bool:
        """Return whether samples as given lose no more than in the training.

        Weights may be those of an earlier epoch that a callback has restored; the
        validation loss tells of which.

        Args:
            model: The model.
            samples: Training samples.
            validation: Validation samples as given, None without.
        """
        measured, error = self._measure(model, samples)
        if measured <= self.means[-1] + NEAR * error:
            return True
        if validation is None or len(self.validation) != len(self.means):
            return False
        seen, spread = self._measure(model, validation)
        distances = np.abs(np.array(self.validation) - seen)
        distances[np.isnan(distances)] = np.inf
        epoch = int(distances.argmin())
        restored = distances[epoch] <= NEAR * spread
        return bool(restored and measured <= self.means[epoch] + NEAR * error)

    def _measure(self, model: keras.Model, samples: Samples) -> tuple[float, float]:
        """Return the loss of samples and its standard error."""
        batches = evaluation_batches(model, samples, self.loss)
        seen = forward_pass(model, samples, batches, self.loss)
        error = seen.losses.std() / np.sqrt(len(seen.losses))
        return float(seen.losses.mean() + seen.added), float(error)


def reported_loss(compiled: LossOfSamples | None, history: Any) -> Reported | None:
    """Return what the history says of the epochs, None where it says nothing.

    Args:
        compiled: The loss as compiled, None if unknown.
        history: What `fit` returned, its `history`, or None.
    """
    curves = read_history(history)
    if compiled is None or curves is None:
        return None
    return Reported(compiled, curves.losses, curves.validation)
