"""Puts a model back exactly as it was, whatever happened in between."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasnorm.callbacks import random_state


@contextlib.contextmanager
def preserved(model: keras.Model) -> Iterator[None]:
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
    random_numbers = random_state.capture()
    try:
        yield
    finally:
        random_state.put_back(random_numbers)
        for variable, value in zip(variables, saved, strict=True):
            now = np.asarray(ops.convert_to_numpy(variable))
            if now.tobytes() != value.tobytes():
                variable.assign(value)


def all_variables(model: keras.Model) -> list[Any]:
    """Return every variable a call, a step or a metric of the model could change."""
    variables = list(model.variables)
    variables += getattr(model, "metrics_variables", [])
    optimizer = getattr(model, "optimizer", None)
    while optimizer is not None:
        variables += list(optimizer.variables)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    unique = {id(variable): variable for variable in variables}
    return list(unique.values())
