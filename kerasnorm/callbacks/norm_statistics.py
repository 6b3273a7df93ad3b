"""Adds to the logs how far the moving statistics of batch norms are from the truth."""

from collections.abc import Iterable, MutableMapping

import keras
import numpy as np

from kerasnorm.callbacks.held_data import HeldData
from kerasnorm.callbacks.order import Ordered, Place
from kerasnorm.inspection.moving_statistics import find_batch_norms, measure_norms


class NormStatistics(HeldData, Ordered):
    """Log the distance between moving and exact statistics of every batch norm.

    Validation uses the moving statistics of a batch norm, training those of the batch.
    Where the two part, validation loss explodes while training runs as before. After
    each epoch this runs some batches at frozen weights and logs, for each batch norm,
    averaged over its channels c,

        norm_mean_distance/<path>     = mean_c |moving mean - mean| / sqrt(variance)
        norm_variance_distance/<path> = mean_c |log(moving variance / variance)|

    Both are 0 where validation sees what training saw; above about 0.5 they can break
    validation. Keras' callbacks that read the logs run behind it. The model is
    afterwards as before. A model without batch norms logs nothing.

    Args:
        batches: Training batches, iterated again each epoch, so not a generator that
            can be used up.
        samples: Samples to see each time, 1 or more. Defaults to 512.

    Raises:
        ValueError: If `samples` is below 1.

    Example:
        >>> model.fit(train, callbacks=[NormStatistics(train), CSVLogger("log.csv")])
    """

    DATA = ("batches",)
    PLACE = Place.ADDS_LOGS

    def __init__(self, batches: Iterable, samples: int = 512) -> None:
        super().__init__()
        if samples < 1:
            raise ValueError(f"expected `samples` 1 or more, received {samples!r}")
        self.batches = batches
        self.samples = samples

    def on_epoch_end(
        self, epoch: int, logs: MutableMapping[str, float] | None = None
    ) -> None:
        """Measure, and add two values for each batch norm."""
        norms = find_batch_norms(self.model)
        if logs is None or not norms:
            return
        _, truth = measure_norms(self.model, norms, self.batches, self.samples)
        for norm, (mean, variance) in truth.items():
            moving_mean = keras.ops.convert_to_numpy(norm.moving_mean)
            moving_variance = keras.ops.convert_to_numpy(norm.moving_variance)
            # The norm's own epsilon is what keeps a silent channel from dividing by 0.
            scale = variance + norm.epsilon
            distance = np.abs(moving_mean - mean) / np.sqrt(scale)
            ratio = np.log((np.maximum(moving_variance, 0) + norm.epsilon) / scale)
            logs[f"norm_mean_distance/{norm.path}"] = float(distance.mean())
            logs[f"norm_variance_distance/{norm.path}"] = float(np.abs(ratio).mean())
