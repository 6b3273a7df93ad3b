"""Everything in a program that decides how a training continues, as plain values."""

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import keras
import numpy as np

from kerasnorm.inspection import random_state
from kerasnorm.inspection.model_optimizers import (
    build_for,
    other_optimizers,
    trained_places,
)

# What Keras' own callbacks (EarlyStopping, ReduceLROnPlateau, ModelCheckpoint,
# SwapEMAWeights) learn while they run; they offer no way to ask for it.
REMEMBERED = (
    "_ema_weights_in_model",
    "best",
    "best_epoch",
    "best_weights",
    "cooldown_counter",
    "epochs_since_last_save",
    "stopped_epoch",
    "wait",
)


def capture(model: keras.Model) -> dict[str, Any]:
    """Return weights, optimizer, metrics and random state of a compiled model.

    The weights come with moving statistics and the counters of seed generators, the
    optimizer with all its inner optimizers, slots, averages and its loss scale, and so
    do optimizers that the model keeps in attributes of its own.
    Layers that draw without a seed generator of their own are not covered.

    Args:
        model: The model; its optimizer must be built.
    """
    return {
        "model": to_arrays(model.variables),
        "optimizer": to_arrays(optimizer_variables(model.optimizer)),
        "optimizer_built": bool(model.optimizer.built),
        "other_optimizers": {
            name: {
                "trained": trained_places(optimizer, model),
                "state": to_arrays(optimizer_variables(optimizer)),
            }
            for name, optimizer in other_optimizers(model).items()
        },
        "metrics": to_arrays(model.metrics_variables),
        "random": random_state.capture(),
    }


def put_back(model: keras.Model, state: dict[str, Any]) -> None:
    """Give a model, its optimizer and the random generators back their state.

    Metrics are left to `put_back_metrics`: Keras sets them to zero as `fit` begins.

    Args:
        model: A model compiled like the captured one.
        state: What `capture` returned.

    Raises:
        ValueError: If the model or its optimizer is another one.
    """
    # A model with optimizers of its own may never use the compiled one.
    if state.get("optimizer_built", True):
        build_optimizer(model)
    assign(model.variables, state["model"], "model")
    assign(optimizer_variables(model.optimizer), state["optimizer"], "optimizer")
    _put_back_others(model, state.get("other_optimizers", {}))
    random_state.put_back(state["random"])


def _put_back_others(model: keras.Model, saved: dict[str, Any]) -> None:
    others = other_optimizers(model)
    if set(others) != set(saved):
        _refuse("model", f"the optimizers {sorted(saved)} for {sorted(others)}")
    for name, optimizer in others.items():
        with _scope(model):
            build_for(optimizer, model, saved[name]["trained"])
        assign(optimizer_variables(optimizer), saved[name]["state"], name)


def build_optimizer(model: keras.Model) -> None:
    """Let the optimizer make its variables, unless it has them.

    Args:
        model: The compiled model.
    """
    if not model.optimizer.built:
        with _scope(model):
            model.optimizer.build(model.trainable_variables)


def put_back_metrics(model: keras.Model, state: dict[str, Any]) -> None:
    """Give the metrics of an epoch in progress back their state.

    Args:
        model: A model whose metrics are built.
        state: What `capture` returned.

    Raises:
        ValueError: If the metrics are others.
    """
    assign(model.metrics_variables, state["metrics"], "metrics")


def build_metrics(model: keras.Model, batch: Any) -> None:
    """Let the metrics make their variables, which they do when they first see data.

    Args:
        model: The compiled model.
        batch: Inputs, targets and perhaps sample weights, as `fit` gets them.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    with _scope(model):
        predicted = model(x, training=False)
        model.compute_loss(x, y, predicted, sample_weight, training=False)
        model.compute_metrics(x, y, predicted, sample_weight)
        model.reset_metrics()


def callback_state(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Return what a callback knows: its `get_state`, or what Keras' own remember.

    Args:
        callback: The callback.
    """
    if hasattr(callback, "get_state"):
        state: dict[str, Any] = callback.get_state()
        return state
    return {
        name: getattr(callback, name) for name in REMEMBERED if name in vars(callback)
    }


def optimizer_variables(optimizer: Any) -> list[Any]:
    """Return the variables of an optimizer and of all optimizers inside it, once.

    Args:
        optimizer: A built optimizer.
    """
    inner = getattr(optimizer, "inner_optimizer", None)
    parts = [inner] if inner is not None else list(getattr(optimizer, "optimizers", []))
    variables = list(optimizer.variables)
    for part in parts:
        variables += optimizer_variables(part)
    return list({id(variable): variable for variable in variables}.values())


def to_arrays(variables: Sequence[Any]) -> list[np.ndarray]:
    """Return copies of the values of variables.

    Args:
        variables: Keras variables.
    """
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assign(variables: Sequence[Any], arrays: Sequence[np.ndarray], what: str) -> None:
    """Assign arrays to variables in order.

    Args:
        variables: Keras variables.
        arrays: As many arrays of the same shapes.
        what: What they belong to, for the error.

    Raises:
        ValueError: If number or shapes differ; then no variable is changed.
    """
    if len(variables) != len(arrays):
        _refuse(what, f"{len(arrays)} variables for {len(variables)}")
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            _refuse(what, f"{array.shape} for {variable.path} of {variable.shape}")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _scope(model: keras.Model) -> AbstractContextManager[object]:
    # With TensorFlow, variables belong to all devices only if made in there.
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _refuse(what: str, difference: str) -> NoReturn:
    raise ValueError(
        f"expected a checkpoint of this {what}, received {difference}; build and "
        "compile the model as in the training that wrote it"
    )
