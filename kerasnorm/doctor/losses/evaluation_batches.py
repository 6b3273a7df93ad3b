"""Decides in which batches samples are evaluated."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.layer_tree import iter_layers

# Below this the cost of a call outweighs that of its samples.
EVALUATION_BATCH = 64


def states_of(model: keras.Model) -> list[Any]:
    """Return the variables that stateful layers hand on from batch to batch.

    Args:
        model: Any Keras model.
    """
    return [
        state
        for _, layer in iter_layers(model)
        if getattr(layer, "stateful", False)
        for state in keras.tree.flatten(getattr(layer, "states", None))
        if state is not None
    ]


@contextlib.contextmanager
def states_preserved(model: keras.Model) -> Iterator[None]:
    """Put the states of stateful layers back when the block ends.

    Args:
        model: Any Keras model.

    Yields:
        Nothing.
    """
    states = states_of(model)
    before = [np.array(ops.convert_to_numpy(state)) for state in states]
    try:
        yield
    finally:
        for state, value in zip(states, before, strict=True):
            state.assign(value)


def fixed_batch(model: keras.Model) -> int | None:
    """Return the only batch size that a model takes, None where it leaves a choice.

    Args:
        model: Any Keras model.
    """
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    sizes = [t.shape[0] for t in [*inputs, *states_of(model)] if len(t.shape)]
    return next((size for size in sizes if size is not None), None)


def fit_batches(model: keras.Model, samples: Samples) -> Samples:
    """Leave out batches of a size that the model does not take.

    Args:
        model: Any Keras model.
        samples: Samples in batches; whole arrays are cut as the model needs them.
    """
    size = fixed_batch(model)
    if size is None or set(samples.sizes) == {size}:
        return samples
    if samples.whole:
        numbers = np.arange(samples.count // size * size)
    else:
        kept = [batch for batch in samples.batches() if len(batch) == size]
        numbers = np.concatenate([np.arange(0), *kept])
    if not len(numbers):
        raise ValueError(
            f"expected batches of {size} samples, the only size that this model takes, "
            f"received batches of {sorted(set(samples.sizes))}"
        )
    x, y, weights = samples.take(numbers)
    left = samples.count - len(numbers)
    note = f"{left} samples left out: the model takes batches of {size} only"
    return replace(
        samples,
        x=x,
        y=y,
        weights=weights,
        sizes=(size,) * (len(numbers) // size),
        notes=(*samples.notes, note) if left else samples.notes,
    )


def evaluation_batches(
    model: keras.Model, samples: Samples, loss: LossOfSamples | None = None
) -> list[np.ndarray]:
    """Return sample numbers of the batches in which samples are evaluated.

    Small batches are joined where nothing depends on the batch.

    Args:
        model: The model, in inference mode.
        samples: The samples.
        loss: The loss, where one is measured.
    """
    joint = loss is not None and loss.joint and not samples.whole
    large = samples.batch_size >= EVALUATION_BATCH
    if joint or large or fixed_batch(model):
        return samples.batches()
    edges = np.arange(EVALUATION_BATCH, samples.count, EVALUATION_BATCH)
    return np.split(np.arange(samples.count), edges)


def first_batch(model: keras.Model, samples: Samples, size: int = 32) -> Samples:
    """Return one batch of samples, of the size that the model takes.

    Args:
        model: Any Keras model.
        samples: The samples.
        size: Samples to take, where the model leaves a choice.
    """
    numbers = np.arange(min(size, samples.count))
    if fixed_batch(model):
        numbers = samples.batches()[0]
    x, y, weights = samples.take(numbers)
    return replace(samples, x=x, y=y, weights=weights, sizes=(len(numbers),))


def shuffled(
    model: keras.Model, samples: Samples, least: int = EVALUATION_BATCH, seed: int = 0
) -> list[np.ndarray]:
    """Return sample numbers of batches drawn anew, of a size that the model takes.

    Args:
        model: Any Keras model.
        samples: The samples.
        least: Smallest batch size, where the model leaves a choice.
        seed: Decides the order.
    """
    size = fixed_batch(model) or max(samples.batch_size, least)
    return samples.shuffled(size, seed)
