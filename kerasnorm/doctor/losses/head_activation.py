"""Finds the activation that the outputs of a model pass last."""

from typing import Any

import keras

from kerasnorm.inspection.layer_tree import iter_layers

# What hands values on: the activation in front of it is still the last one.
NEUTRAL = (
    "Reshape",
    "Flatten",
    "Identity",
    "Permute",
    "RepeatVector",
    "Dropout",
    "Cropping",
    "UpSampling",
    "ZeroPadding",
)


def last_activation(model: Any) -> str | None:
    """Return the name of the activation that the only output passes last.

    Args:
        model: Any Keras model.

    Returns:
        The name, `"linear"` for none, or None where it is unknown: several outputs, or
        a model whose code hides what its outputs come from.
    """
    if isinstance(model, keras.Sequential):
        return _activation_of(model.layers)
    if getattr(model, "operations", None) and hasattr(model, "_nodes"):
        return _activation_of(_on_the_way(model))
    weighty = [layer for _, layer in iter_layers(model) if _own_weights(layer)]
    return _activation_of(weighty[-1:])


def _own_weights(layer: keras.layers.Layer) -> bool:
    return bool(layer.weights) and not any(True for _ in iter_layers(layer))


def _on_the_way(model: keras.Model) -> list[Any]:
    """Return the operations that lead to the only output, its producer last."""
    if len(model.outputs) != 1:
        return []
    way: list[Any] = []
    tensor = model.outputs[0]
    while (history := getattr(tensor, "_keras_history", None)) is not None:
        way.insert(0, history.operation)
        node = history.operation._inbound_nodes[history.node_index]
        if len(node.input_tensors) != 1:
            break
        tensor = node.input_tensors[0]
    return way


def _activation_of(operations: list[Any]) -> str | None:
    for operation in reversed(operations):
        name = type(operation).__name__
        if isinstance(operation, keras.layers.TimeDistributed):
            operation = operation.layer
        if isinstance(operation, keras.Model):
            return last_activation(operation)
        if name.lower() in ("softmax", "sigmoid"):
            return name.lower()
        activation = getattr(operation, "activation", None)
        if activation is not None:
            return getattr(activation, "__name__", None)
        if getattr(operation, "weights", None):
            return "linear"
        if not name.startswith(NEUTRAL):
            return None
    return None
