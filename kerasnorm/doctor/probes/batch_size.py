"""Measures the loss against the size of the batches that normalize themselves."""

import keras

from kerasnorm.doctor.forward.statistics import forward_pass
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples

SIZES = (2, 4, 8, 16, 32, 64)
# Two samples at a time make many calls; this many samples show the trend.
SAMPLES = 128


def measure_batch_sizes(
    model: keras.Model, train: Samples, loss: LossOfSamples
) -> dict[int, float]:
    """Return the mean training loss for batches of 2 to 64, at frozen weights.

    Args:
        model: The model.
        train: Training samples.
        loss: The loss of each sample.
    """
    few = train.head(SAMPLES)
    found = {}
    for size in SIZES:
        if size <= few.count:
            batches = few.shuffled(size)
            seen = forward_pass(model, few, batches, loss, in_batch_mode=True)
            found[size] = float(seen.losses.mean())
    return found
