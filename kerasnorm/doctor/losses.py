"""The loss of every single sample, as the model was compiled or as it must be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

PerSample = Callable[[Any, Any, Any], np.ndarray]


@dataclass(frozen=True)
class LossOfSamples:
    """A loss that is not averaged.

    Args:
        name: Name of the loss, such as `"categorical_crossentropy"`.
        inferred: Whether it was guessed from outputs and labels.
        of: Function of (labels, outputs, weights) to an array of (samples,).
        from_logits: Whether the outputs are logits.
        whole_batch: Whether every sample gets the loss of its batch, so that the
            batches matter.
    """

    name: str
    inferred: bool
    of: PerSample
    from_logits: bool = False
    whole_batch: bool = False


def resolve_loss(model: keras.Model, y: Any, loss: Any = None) -> LossOfSamples:
    """Find the loss of each sample for a model.

    Args:
        model: The model; its compiled loss is used unless `loss` is given.
        y: Labels, from which a loss is inferred for a model without one.
        loss: Name, function or `keras.losses.Loss`, to use instead.

    Returns:
        The loss. Where the model has several outputs or losses, every sample of a
        batch gets the batch's loss, which is all that Keras tells.

    Raises:
        ValueError: If there is no loss and none can be inferred.
    """
    chosen = loss if loss is not None else getattr(model, "loss", None)
    inferred = chosen is None
    if chosen is None:
        chosen = _infer(model, y)
    single = len(model.outputs if _has_outputs(model) else [0]) == 1
    if isinstance(chosen, (list, tuple, dict)):
        flat = keras.tree.flatten(chosen)
        chosen = flat[0] if single and len(flat) == 1 else chosen
    plain = not isinstance(chosen, (list, tuple, dict))
    if plain and single and isinstance(y, np.ndarray):
        return _single(chosen, inferred)
    return LossOfSamples("compiled", False, _whole_batch(model), whole_batch=True)


def _has_outputs(model) -> bool:
    return bool(getattr(model, "outputs", None))


def _single(chosen: Any, inferred: bool) -> LossOfSamples:
    function = keras.losses.get(chosen)
    call = function.call if isinstance(function, keras.losses.Loss) else function
    config = function.get_config() if hasattr(function, "get_config") else {}
    name = str(getattr(function, "name", getattr(function, "__name__", "loss")))

    def of(y: Any, outputs: Any, weights: Any) -> np.ndarray:
        outputs = np.asarray(outputs, "float32")
        useless = ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
        # Some losses raise on NaN, others return a number: neither is an answer.
        outputs = np.where(np.isfinite(outputs), outputs, np.float32(0.5))
        outputs = ops.convert_to_tensor(outputs)
        values = ops.convert_to_numpy(call(_fit_labels(y, outputs), outputs))
        values = np.asarray(values, "float64")
        values = values.reshape(len(values), -1).mean(axis=1)
        values[useless] = np.nan
        return values if weights is None else values * weights

    return LossOfSamples(name, inferred, of, bool(config.get("from_logits", False)))


def _fit_labels(y: np.ndarray, outputs: Any) -> Any:
    """Give labels the rank of outputs: (b,) beside (b, 1) would broadcast to (b, b)."""
    if y.ndim == len(outputs.shape) - 1 and outputs.shape[-1] == 1:
        y = y[..., np.newaxis]
    same = tuple(y.shape) == tuple(outputs.shape)
    return ops.convert_to_tensor(y.astype("float32") if same else y)


def _whole_batch(model) -> PerSample:
    def of(y: Any, outputs: Any, weights: Any) -> np.ndarray:
        to_tensor = ops.convert_to_tensor
        count = len(keras.tree.flatten(outputs)[0])
        value = model.compute_loss(
            x=None,
            y=keras.tree.map_structure(to_tensor, y),
            y_pred=keras.tree.map_structure(to_tensor, outputs),
            sample_weight=weights,
            training=False,
        )
        return np.full(count, float(ops.convert_to_numpy(value)))

    return of


def _infer(model, y: Any) -> keras.losses.Loss:
    if not _has_outputs(model) or len(model.outputs) != 1 or y is None:
        raise ValueError(
            "expected a compiled model or a `loss`, received neither, and none can be "
            "inferred without one known output and labels; pass loss='...'"
        )
    width = model.outputs[0].shape[-1]
    logits = last_activation(model) not in ("softmax", "sigmoid")
    if not isinstance(y, np.ndarray) or not _looks_like_classes(y):
        return keras.losses.MeanSquaredError()
    if width == 1:
        return keras.losses.BinaryCrossentropy(from_logits=logits)
    if y.ndim == 2 and y.shape[1] == width:
        return keras.losses.CategoricalCrossentropy(from_logits=logits)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=logits)


def _looks_like_classes(y: np.ndarray) -> bool:
    return bool(np.isfinite(y).all() and (y == np.round(y)).all() and y.min() >= 0)


def last_activation(model) -> str | None:
    """Return the name of the activation that the outputs pass last, None if unknown."""
    for layer in reversed(getattr(model, "layers", [])):
        if isinstance(layer, keras.Model):
            return last_activation(layer)
        if isinstance(layer, keras.layers.Softmax):
            return "softmax"
        activation = getattr(layer, "activation", None)
        if activation is not None:
            return getattr(activation, "__name__", None)
        if layer.weights:
            return "linear"
    return None


def class_probabilities(outputs: np.ndarray) -> np.ndarray | None:
    """Turn outputs of a classifier into probabilities of (samples, classes).

    Args:
        outputs: Probabilities or logits of (samples, classes), one column for two
            classes.

    Returns:
        Probabilities, or None for outputs of another shape or that are not numbers.
    """
    if not isinstance(outputs, np.ndarray) or outputs.ndim != 2:
        return None
    if not np.isfinite(outputs).all():
        return None
    values = outputs.astype("float64")
    if values.shape[1] == 1:
        if values.min() < 0 or values.max() > 1:
            values = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
        return np.concatenate([1 - values, values], axis=1)
    if values.min() < 0 or not np.allclose(values.sum(axis=1), 1, atol=1e-2):
        values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)
