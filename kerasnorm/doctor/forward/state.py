"""Puts a model back exactly as it was, whatever happened in between."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.doctor.losses.evaluation_batches import states_of
from kerasnorm.inspection import random_state
from kerasnorm.inspection.model_optimizers import (
    new_optimizer_like,
    optimizer_attributes,
    replace_optimizers,
)
from kerasnorm.inspection.model_optimizers import (
    other_optimizers as model_optimizers,
)


@contextlib.contextmanager
def restored_after(model: keras.Model) -> Iterator[None]:
    """Restore weights, statistics, seeds, metrics and optimizer when the block ends.

    The values return bit for bit, also after an exception; so do the states of
    the global random generators, from which Keras draws the seeds of new layers.

    Args:
        model: Any built Keras model, compiled or not.

    Yields:
        Nothing.
    """
    variables = all_variables(model)
    saved = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    known = {id(variable) for variable in variables}
    try:
        with random_numbers_preserved():
            yield
    finally:
        for metric in getattr(model, "metrics", []):
            if any(id(variable) not in known for variable in metric.variables):
                metric.reset_state()
        for variable, value in zip(variables, saved, strict=True):
            now = np.asarray(ops.convert_to_numpy(variable))
            if now.tobytes() != value.tobytes():
                variable.assign(value)


@contextlib.contextmanager
def random_numbers_preserved() -> Iterator[None]:
    """Restore the global random generators when the block ends.

    Yields:
        Nothing.
    """
    state = random_state.capture()
    try:
        yield
    finally:
        random_state.put_back(state)


@contextlib.contextmanager
def temporary_optimizers(model: keras.Model) -> Iterator[None]:
    """Let a model train with new optimizers of the same settings for a while.

    Its own get neither slots nor a compiled step, which would outlive `restored_after`:
    variables that are made inside cannot be taken away again.

    Args:
        model: Any compiled Keras model.

    Yields:
        Nothing; optimizers and training step are as before afterwards.

    Raises:
        TypeError: If an optimizer cannot be made from its own settings.
        ValueError: Likewise.
    """
    places = optimizer_attributes(model)
    # An optimizer that stands in two places is one in both.
    others = {
        id(optimizer): new_optimizer_like(optimizer)
        for optimizer in [model.optimizer, *model_optimizers(model).values()]
        if optimizer is not None
    }
    step = model.train_function
    try:
        model.train_function = None
        for _, holder, name, value in places:
            # What Keras' setters would track, they would not forget again.
            vars(holder)[name] = replace_optimizers(value, lambda o: others[id(o)])
        yield
    finally:
        for _, holder, name, value in places:
            vars(holder)[name] = value
        model.train_function = step


def all_variables(model: keras.Model) -> list[Any]:
    """Return every variable a call, a step or a metric of the model could change."""
    variables = [*model.variables, *states_of(model)]
    variables += getattr(model, "metrics_variables", [])
    optimizer = getattr(model, "optimizer", None)
    while optimizer is not None:
        variables += list(optimizer.variables)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    unique = {id(variable): variable for variable in variables}
    return list(unique.values())
