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
        of: Function of (labels, outputs, weights) to an array of (samples,), or to one
            number where the loss knows whole batches only.
        from_logits: Whether the outputs are logits.
        known: Whether it is one of Keras' own, which take labels of a known form.
        ignored: Class number that the loss leaves out, None for none.
    """

    name: str
    inferred: bool
    of: PerSample
    from_logits: bool = False
    known: bool = False
    ignored: int | None = None


def resolve_loss(model: keras.Model, y: Any, loss: Any = None) -> LossOfSamples:
    """Find the loss of each sample for a model.

    Args:
        model: The model; its compiled loss is used unless `loss` is given.
        y: Labels, from which a loss is inferred for a model without one.
        loss: Name, function or `keras.losses.Loss`, to use instead.

    Returns:
        The loss. Where the model was compiled for several outputs, it tells the loss
        of a batch, which is all that Keras tells.

    Raises:
        ValueError: If there is no loss and none can be inferred.
    """
    chosen = loss if loss is not None else getattr(model, "loss", None)
    inferred = chosen is None
    if chosen is None:
        chosen = _infer(model, y)
    heads = len(model.outputs) if _has_outputs(model) else len(keras.tree.flatten(y))
    losses = keras.tree.flatten(chosen)
    if heads == len(losses) == len(keras.tree.flatten(y)) == 1:
        return _single(losses[0], inferred)
    if loss is None:
        return LossOfSamples("compiled", False, _as_compiled(model))
    return LossOfSamples("sum", False, _sum_of(losses * (heads // len(losses))))


def _has_outputs(model) -> bool:
    return bool(getattr(model, "outputs", None))


def _single(chosen: Any, inferred: bool) -> LossOfSamples:
    function = keras.losses.get(chosen)
    call = function.call if isinstance(function, keras.losses.Loss) else function
    config = function.get_config() if hasattr(function, "get_config") else {}
    name = str(getattr(function, "name", getattr(function, "__name__", "loss")))

    ignored = config.get("ignore_class")

    def of(y: Any, outputs: Any, weights: Any) -> np.ndarray:
        y, outputs, weights = (_only(nest) for nest in (y, outputs, weights))
        outputs = np.asarray(outputs, "float32")
        useless = ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
        # Some losses raise on NaN, others return a number: neither is an answer.
        outputs = np.where(np.isfinite(outputs), outputs, np.float32(0.5))
        outputs = ops.convert_to_tensor(outputs)
        values = ops.convert_to_numpy(call(_fit_labels(y, outputs), outputs))
        values = np.asarray(values, "float64")
        if values.ndim == 0:
            return values if not useless.any() else np.array(np.nan)
        if ignored is not None:
            values = values / max((y != ignored).mean(), 1e-9)
        if weights is not None:
            values = values * _like(weights, values)
        values = values.reshape(len(values), -1).mean(axis=1)
        values[useless] = np.nan
        return values

    known = getattr(function, "__module__", "").partition(".")[0] == "keras"
    logits = bool(config.get("from_logits", False))
    return LossOfSamples(name, inferred, of, logits, known, ignored)


def _only(nest: Any) -> Any:
    """Return the only array of a nest, and None as it is."""
    return None if nest is None else keras.tree.flatten(nest)[0]


def _like(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give weights the rank of losses: one for each sample, or for each place."""
    if weights.ndim > values.ndim and weights.shape[-1] == 1:
        weights = weights[..., 0]
    return weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim))


def _fit_labels(y: np.ndarray, outputs: Any) -> Any:
    """Give labels the rank of outputs: (b,) beside (b, 1) would broadcast to (b, b)."""
    if y.ndim == len(outputs.shape) - 1 and outputs.shape[-1] == 1:
        y = y[..., np.newaxis]
    same = tuple(y.shape) == tuple(outputs.shape)
    return ops.convert_to_tensor(y.astype("float32") if same else y)


def _as_compiled(model) -> PerSample:
    def of(y: Any, outputs: Any, weights: Any) -> np.ndarray:
        # What layers added in a compiled pass is out of reach here.
        model._clear_losses()
        to_tensor = ops.convert_to_tensor
        value = model.compute_loss(
            x=None,
            y=keras.tree.map_structure(to_tensor, y),
            y_pred=keras.tree.map_structure(to_tensor, outputs),
            sample_weight=weights,
            training=False,
        )
        return np.asarray(ops.convert_to_numpy(value), "float64")

    return of


def _sum_of(losses: list) -> PerSample:
    """Add the losses of several outputs, in the order in which Keras flattens them."""
    singles = [_single(chosen, inferred=False).of for chosen in losses]

    def of(y: Any, outputs: Any, weights: Any) -> np.ndarray:
        labels, heads = keras.tree.flatten(y), keras.tree.flatten(outputs)
        parts = keras.tree.flatten(weights) if weights is not None else [None]
        parts = parts * (len(heads) // len(parts))
        return np.sum(
            [
                single(*head)
                for single, *head in zip(singles, labels, heads, parts, strict=True)
            ],
            axis=0,
        )

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
