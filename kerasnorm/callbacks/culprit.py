"""Finds the first layer, loss, gradient or statistic that is no finite number."""

from typing import Any

import keras
import numpy as np

from kerasnorm.callbacks import model_walk
from kerasnorm.callbacks.finite_guard import is_finite
from kerasnorm.callbacks.loss_gradients import loss_gradients


def first_culprit(model: keras.Model, batch: Any) -> tuple[str | None, list[int]]:
    """Find what is the first to be no finite number, in the order of a training step.

    That is: pictures, outputs of layers, loss, gradients from the last layer to the
    first, moving statistics.

    Args:
        model: The model before the bad batch; its moving statistics move.
        batch: The batch.

    Returns:
        It in words, None if nothing is found; and the rows of the batch that are
        spoilt, where only some are.
    """
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    if not _all_finite(x):
        return "the pictures themselves", _spoilt_rows(x)
    spoilt: list[tuple[str, list[int]]] = []

    def watch(path):
        def call(original, *args, **kwargs):
            outputs = original(*args, **kwargs)
            if not _all_finite(outputs):
                spoilt.append(
                    (f"the output of the layer {path}", _spoilt_rows(outputs))
                )
            return outputs

        return call

    layers = {layer: watch(path) for path, layer in model_walk.walk_layers(model)}
    with model_walk.stand_in(layers):
        predicted = model(x, training=True)
        if spoilt:
            return spoilt[0]
        if not _all_finite(model.compute_loss(x, y, predicted, sample_weight)):
            return "the loss itself", []
    path = _spoilt_gradient(model, x, y, sample_weight)
    if path is not None:
        return f"the gradient of {path}", []
    for variable in model.non_trainable_variables:
        if not is_finite(variable):
            return f"the moving statistic {variable.path}", []
    return None, []


def _spoilt_gradient(model, x, y, sample_weight) -> str | None:
    gradients = loss_gradients(model, x, y, sample_weight)
    pairs = zip(model.trainable_variables, gradients, strict=True)
    # Backward means from the last layer to the first.
    for weight, gradient in reversed(list(pairs)):
        if gradient is not None and not _all_finite(gradient):
            path: str = weight.path
            return path
    return None


def _spoilt_rows(values: Any) -> list[int]:
    array = keras.ops.convert_to_numpy(keras.tree.flatten(values)[0])
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    return [] if not finite.any() else [int(row) for row in np.flatnonzero(~finite)]


def _all_finite(values: Any) -> bool:
    return all(
        np.isfinite(keras.ops.convert_to_numpy(value)).all()
        for value in keras.tree.flatten(values)
        if value is not None and "float" in keras.backend.standardize_dtype(value.dtype)
    )
