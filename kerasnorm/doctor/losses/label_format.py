"""Gives labels that were read from class folders the form that a model's loss takes."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def encode_labels(model: keras.Model, batches: Any) -> Any:
    """Turn one-hot labels into class numbers where the model was trained on those.

    Folders say which class an image has, not how its label was written: any form of
    the same class is right.

    Args:
        model: The model.
        batches: A `tf.data.Dataset` of (images, one-hot labels), or anything else,
            which comes back as it is.

    Returns:
        Batches whose labels are class numbers for a sparse loss and 0 or 1 for a
        single output.
    """
    parts = getattr(batches, "element_spec", ())
    if not isinstance(parts, tuple) or len(parts) != 2:
        return batches
    form = label_format(model, parts[1].shape[-1])
    fitted = batches.map(lambda x, y: (x, form(y)))
    if hasattr(batches, "file_paths"):
        fitted.file_paths = batches.file_paths
    return fitted


def label_format(model: keras.Model, columns: int) -> Callable[[Any], Any]:
    """Return the function that turns one-hot labels into those of the model's loss.

    Args:
        model: The model.
        columns: Number of classes.
    """
    if len(model.outputs or ()) == 1:
        if model.outputs[0].shape[-1] == 1 and columns == 2:
            return lambda y: y[:, 1:]
        if _is_sparse(model):
            return lambda y: ops.argmax(y, axis=-1)
    return lambda y: y


def _is_sparse(model: keras.Model) -> bool:
    losses = keras.tree.flatten(getattr(model, "loss", None))
    loss = keras.losses.get(losses[0]) if len(losses) == 1 else None
    name = getattr(loss, "name", getattr(loss, "__name__", ""))
    return isinstance(name, str) and name.startswith("sparse")
