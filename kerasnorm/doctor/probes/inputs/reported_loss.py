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


@dataclass(frozen=True)
class Reported:
    """The training loss of the last epoch, as `fit` reported it.

    Args:
        loss: The loss as compiled.
        mean: Its mean over the epoch, with what layers add.
    """

    loss: LossOfSamples
    mean: float

    def is_reached(self, model: keras.Model, samples: Samples) -> bool:
        """Return whether samples as given lose no more than in the training."""
        batches = evaluation_batches(model, samples, self.loss)
        seen = forward_pass(model, samples, batches, self.loss)
        error = seen.losses.std() / np.sqrt(len(seen.losses))
        return bool(seen.losses.mean() + seen.added <= self.mean + 2 * error)


def reported_loss(compiled: LossOfSamples | None, history: Any) -> Reported | None:
    """Return what the history says of the last epoch, None where it says nothing.

    Args:
        compiled: The loss as compiled, None if unknown.
        history: What `fit` returned, its `history`, or None.
    """
    curves = read_history(history)
    if compiled is None or curves is None:
        return None
    return Reported(compiled, curves.last)
