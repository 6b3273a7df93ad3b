"""Decides in which batches samples are evaluated."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.losses.model_losses import LossOfSamples
from kerasnorm.doctor.sampling.samples import Samples, pick
from kerasnorm.inspection.layer_tree import iter_layers
from kerasnorm.inspection.loss_gradients import without_gradients

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
    """Leave out batches of a length or a size that the model does not take.

    Args:
        model: A built model.
        samples: Samples in batches; whole arrays are cut as the model needs them.

    Raises:
        ValueError: If none is left.
    """
    return _of_the_size(model, _of_known_shapes(model, samples))


def _of_known_shapes(model: keras.Model, samples: Samples) -> Samples:
    """Leave out batches whose shape the model refuses, tried on one of each."""
    groups = samples.groups
    if groups is None:
        return samples
    batches = samples.batches()
    size, refused, last = fixed_batch(model), set(), None
    with states_preserved(model), without_gradients():
        for batch in {int(groups[b[0]]): b for b in reversed(batches)}.values():
            x = samples.take(batch if size else batch[:1])[0]
            try:
                model(
                    keras.tree.map_structure(ops.convert_to_tensor, x), training=False
                )
            # Layers and code of users raise what they like.
            except Exception as error:
                refused.add(int(groups[batch[0]]))
                last = error
    kept = [batch for batch in batches if int(groups[batch[0]]) not in refused]
    if not kept:
        raise ValueError(
            f"expected batches that the model takes, received {len(batches)} that it "
            f"refuses: {last}"
        ) from last
    if len(kept) == len(batches):
        return samples
    x, y, weights = samples.take(np.concatenate(kept))
    left = len(batches) - len(kept)
    note = f"{left} of {len(batches)} batches left out: the model refuses their shape"
    return replace(
        samples,
        x=x,
        y=y,
        weights=weights,
        sizes=tuple(map(len, kept)),
        notes=(*samples.notes, note),
        positions=pick(samples.positions, np.concatenate(kept)),
    )


def _of_the_size(model: keras.Model, samples: Samples) -> Samples:
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
    return samples.in_order(EVALUATION_BATCH)


def first_batch(model: keras.Model, samples: Samples, size: int = 32) -> Samples:
    """Return one batch of samples, of the size that the model takes.

    Args:
        model: Any Keras model.
        samples: The samples.
        size: Samples to take, where the model leaves a choice.
    """
    numbers = samples.in_order(size)[0]
    if fixed_batch(model):
        numbers = samples.batches()[0]
    x, y, weights = samples.take(numbers)
    return replace(samples, x=x, y=y, weights=weights, sizes=(len(numbers),))


def shuffled(
    model: keras.Model, samples: Samples, least: int = EVALUATION_BATCH, seed: int = 0
) -> list[np.ndarray]:
    """Return sample numbers of batches drawn again, of a size that the model takes.

    Args:
        model: Any Keras model.
        samples: The samples.
        least: Smallest batch size, where the model leaves a choice.
        seed: Decides the order.
    """
    size = fixed_batch(model) or max(samples.batch_size, least)
    return samples.shuffled(size, seed)
