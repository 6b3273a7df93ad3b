"""Finds the first layer, loss, gradient or statistic that is NaN or infinite."""

import math
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree
from kerasnorm.inspection.loss_gradients import loss_gradients
from kerasnorm.inspection.own_methods import training_loss
from kerasnorm.inspection.patched_calls import patched_calls


def first_non_finite(model: keras.Model, batch: Any) -> tuple[str | None, list[int]]:
    """Find what is NaN or infinite first, in the order of a training step.

    That is: inputs, outputs of layers, loss, gradients from the last layer to the
    first, moving statistics.

    Args:
        model: The model before the bad batch; its moving statistics move.
        batch: The batch.

    Returns:
        It in words, None if nothing is found; and the rows of the batch that are
        concerned, where only some are.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if not _all_finite(x):
        return "the images themselves", _non_finite_rows(x)
    found: list[tuple[str, list[int]]] = []

    def watch(path):
        def call(original, *args, **kwargs):
            outputs = original(*args, **kwargs)
            if not _all_finite(outputs):
                found.append(
                    (f"the output of the layer {path}", _non_finite_rows(outputs))
                )
            return outputs

        return call

    layers = {layer: watch(path) for path, layer in layer_tree.iter_layers(model)}
    with patched_calls(layers):
        predicted = model(x, training=True)
        if found:
            return found[0]
        if not _all_finite(training_loss(model, x, y, predicted, sample_weight)):
            return "the loss itself", []
    path = _non_finite_gradient(model, x, y, sample_weight)
    if path is not None:
        return f"the gradient of {path}", []
    for variable in model.non_trainable_variables:
        if not is_finite(variable):
            return f"the moving statistic {variable.path}", []
    return None, []


def _non_finite_gradient(model, x, y, sample_weight) -> str | None:
    gradients = loss_gradients(model, x, y, sample_weight)
    pairs = zip(model.trainable_variables, gradients, strict=True)
    # Backward means from the last layer to the first.
    for weight, gradient in reversed(list(pairs)):
        if gradient is not None and not _all_finite(gradient):
            path: str = weight.path
            return path
    return None


def _non_finite_rows(values: Any) -> list[int]:
    array = keras.ops.convert_to_numpy(keras.tree.flatten(values)[0])
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return [] if not finite.any() else [int(row) for row in np.flatnonzero(~finite)]


def _all_finite(values: Any) -> bool:
    return all(
        np.isfinite(keras.ops.convert_to_numpy(value)).all()
        for value in keras.tree.flatten(values)
        if value is not None and "float" in keras.backend.standardize_dtype(value.dtype)
    )


def is_finite(variable: keras.Variable) -> bool:
    """Say whether a variable holds only finite numbers, or no numbers with a point.

    Args:
        variable: Any variable.
    """
    if "float" not in str(variable.dtype):
        return True
    value = keras.ops.convert_to_numpy(variable)
    # One sum sees every NaN and infinity; the rest is for sums that overflow.
    return math.isfinite(float(value.sum())) or bool(np.isfinite(value).all())
