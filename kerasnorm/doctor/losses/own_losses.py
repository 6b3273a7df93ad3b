"""Losses that a model of the user's own counts itself, for whole batches."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerasnorm.inspection.own_methods import run_test_step

#: Inputs, labels and weights.
Batch = tuple[Any, Any, Any]


def _by_own_step(model: Any, batch: Batch, outputs: Any) -> Any:
    data = keras.utils.pack_x_y_sample_weight(*batch)
    logs = run_test_step(model, data)
    if not logs:
        raise ValueError(
            "expected `test_step` to return a dictionary with the loss, received "
            f"{logs!r}"
        )
    value = logs["loss"] if "loss" in logs else next(iter(logs.values()))
    return ops.cast(value, "float32")


def _by_own_loss(model: Any, batch: Batch, outputs: Any) -> Any:
    x, y, weights = batch
    return model._compute_loss(
        x=x, y=y, y_pred=outputs, sample_weight=weights, training=False
    )


def _as_added(model: Any, batch: Batch, outputs: Any) -> Any:
    return added_loss(model)


def added_loss(model: keras.Model) -> Any:
    """Return what layers and regularizers added in the last call, as a tensor."""
    added = ops.zeros((), "float32")
    for value in model.losses:
        added = added + ops.cast(ops.sum(value), "float32")
    return added


#: Methods that make outputs themselves; the second one, the step of Keras calls.
MAKE_OUTPUTS = ("test_step", "compute_loss_and_updates")

#: What takes the place of a compiled loss.
OWN: dict[str, Callable[[Any, Batch, Any], Any]] = {
    **dict.fromkeys(MAKE_OUTPUTS, _by_own_step),
    "compute_loss": _by_own_loss,
    "add_loss": _as_added,
}
