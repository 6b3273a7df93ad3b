"""Losses under other statistics of the batch norms, which are then put back."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import keras
import numpy as np

from kerasnorm.doctor.forward.statistics import (
    Statistics,
    batch_norms,
    evaluate_loss,
    read_statistics,
    run_on_batch_statistics,
    write_statistics,
)
from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples


@contextlib.contextmanager
def temporary_statistics(model: keras.Model, statistics: Statistics) -> Iterator[None]:
    """Give the batch norms of a model other moving statistics for a while.

    Args:
        model: A built model.
        statistics: Mean and variance by layer path.
    """
    norms = batch_norms(model)
    before = read_statistics(norms)
    try:
        write_statistics(norms, statistics)
        yield
    finally:
        write_statistics(norms, before)


def losses_on_statistics_of(
    model: keras.Model,
    source: Samples,
    batches: Sequence[np.ndarray],
    samples: Samples,
    loss: LossOfSamples,
    training_mode_layers: Iterable[keras.layers.Layer] = (),
) -> np.ndarray:
    """Return the losses of samples under statistics re-estimated on other ones.

    Args:
        model: A built model; wrap the call in `state.restored_after`.
        source: Samples to estimate the statistics from.
        batches: Their numbers, batch by batch.
        samples: Samples to evaluate.
        loss: The loss of each sample.
        training_mode_layers: Layers such as dropout that act while estimating.
    """
    _, statistics = run_on_batch_statistics(
        model, source, batches, training_mode_layers=training_mode_layers, record=True
    )
    with temporary_statistics(model, statistics):
        return evaluate_loss(model, samples, loss)
