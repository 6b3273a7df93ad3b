"""What a model of the user's own has in the place of the methods of Keras."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree


def is_overridden(model: keras.Model, method: str) -> bool:
    """Return whether the class of a model overrides a method of `keras.Model`.

    Args:
        model: Any Keras model.
        method: Name of the method.
    """
    keras_class = next(
        kind
        for kind in type(model).__mro__
        if kind.__module__.partition(".")[0] == "keras"
    )
    return getattr(type(model), method) is not getattr(keras_class, method)


def can_be_called(model: keras.Model) -> bool:
    """Return whether a model has a `call`; some have steps of their own only.

    Args:
        model: Any Keras model.
    """
    return type(model).call not in (keras.Model.call, keras.layers.Layer.call)


def is_built(model: keras.Model) -> bool:
    """Return whether the variables of a model are there.

    Args:
        model: Any Keras model; Keras builds one without a `call` never as a whole.
    """
    return model.built or (
        not can_be_called(model)
        and all(layer.built for _, layer in layer_tree.iter_layers(model))
    )


def check_callable(model: keras.Model) -> None:
    """Refuse a model that is a frame around networks and cannot be called itself.

    Args:
        model: Any Keras model.

    Raises:
        ValueError: If it has no `call`.
    """
    if not can_be_called(model):
        inside = [x.name for x in model.layers if isinstance(x, keras.Model)]
        raise ValueError(
            "expected a model that returns outputs for inputs, received "
            f"{type(model).__name__}, which has no `call`: give it one that returns "
            f"what it predicts, or pass a network inside it ({', '.join(inside)})"
        )


def run_test_step(model: keras.Model, data: Any) -> dict[str, Any]:
    """Return what the test step of a model says of one batch; metrics start anew.

    Args:
        model: A compiled model.
        data: A batch as `evaluate` hands it over.
    """
    model.reset_metrics()
    if keras.backend.backend() != "jax":
        return model.test_step(data)
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.metrics_variables,
    )
    state = tuple([v.value for v in part] for part in variables)
    logs, _ = model.test_step(state, data)
    return logs


@contextlib.contextmanager
def counters_preserved(model: keras.Model) -> Iterator[None]:
    """Put metrics, random generators and moving statistics back when the block ends.

    Args:
        model: Any Keras model.

    Yields:
        Nothing.
    """
    variables = [*model.non_trainable_variables, *model.metrics_variables]
    before = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
