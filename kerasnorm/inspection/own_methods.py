"""What a model of the user's own has in the place of the methods of Keras."""

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree

#: Methods that decide the loss, the first that a class overrides; the second is JAX'.
LOSS_METHODS = ("test_step", "compute_loss_and_updates", "compute_loss")
#: Methods that decide how a model trains and what its loss is.
STEP_METHODS = ("train_step", *LOSS_METHODS)


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
    theirs = getattr(keras_class, method, None)
    # Methods of another backend decide nothing here.
    return theirs is not None and getattr(type(model), method) is not theirs


def own_loss_method(model: keras.Model) -> str | None:
    """Return the method that decides the loss in the place of the compiled one.

    Args:
        model: Any Keras model.

    Returns:
        One of `LOSS_METHODS`, None where the compiled loss is that of `evaluate`.
    """
    for method in LOSS_METHODS:
        if is_overridden(model, method) and not _is_helper(model, method):
            return method
    return None


def _is_helper(model: keras.Model, method: str) -> bool:
    """Return whether only a step of the user's own can call the method.

    The guides of Keras write one of fewer arguments beside their `train_step`.
    """
    if method != "compute_loss_and_updates":
        return False
    try:
        inspect.signature(getattr(model, method)).bind(*range(6), training=False)
    except TypeError:
        return True
    return False


def training_loss(model: keras.Model, x: Any, y: Any, y_pred: Any, weights: Any) -> Any:
    """Return the loss of a batch as the training step of Keras computes it.

    Args:
        model: A compiled model.
        x: Inputs.
        y: Targets.
        y_pred: Outputs in training mode.
        weights: Weights of the samples, or None.
    """
    if own_loss_method(model) != "compute_loss_and_updates":
        return model.compute_loss(x, y, y_pred, weights)
    variables = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.metrics_variables,
        getattr(model.optimizer, "variables", []),
    )
    *state, optimizer = ([v.value for v in part] for part in variables)
    own = model.compute_loss_and_updates
    takes = inspect.signature(own).parameters
    more = {"optimizer_variables": optimizer} if "optimizer_variables" in takes else {}
    return own(*state, x, y, weights, training=True, **more)[0]


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
