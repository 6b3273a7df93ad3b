"""Configurations of layers, changed before new layers are made from them."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm.inspection import layer_tree

# Types and policies of layers that compute with floats.
LIBRARIES = ("", "builtins", "keras", "tensorflow", "jax", "torch", "numpy")
FLOATS = ("float32", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def in_dtype(name: Any, dtype: str | None) -> Any:
    """Return another type in the place of one for floats; other types stay."""
    return dtype if dtype is not None and name in FLOATS else name


def not_built(config: Any, dtype: str | None) -> Any:
    """Leave out what Keras builds inner layers by: built ones take no other layers."""
    # Other kinds of dictionaries and lists may hold more than their items.
    if type(config) is dict:
        if dtype is not None and config.get("class_name") == "DTypePolicy":
            return in_dtype(config["config"]["name"], dtype)
        return {
            key: in_dtype(value, dtype)
            if key == "dtype" and isinstance(value, str)
            else not_built(value, dtype)
            for key, value in config.items()
            if key != "build_config"
        }
    if type(config) is list:
        return [not_built(item, dtype) for item in config]
    return config


def own_objects(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return classes and functions of the user's own that a configuration names.

    They need not be registered to be copied: here they are at hand.

    Args:
        layer: A layer, with what it holds: layers inside, activations, regularizers.
    """
    found: dict[str, Any] = {}
    for inner in (layer, *(inside for _, inside in layer_tree.iter_layers(layer))):
        for value in (inner, *vars(inner).values()):
            if _is_own(value):
                kind = value if hasattr(value, "__name__") else type(value)
                found[kind.__name__] = kind
    return found


def with_own_functions(layer: Any, config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put functions at hand in the place of those a configuration cannot give back.

    Args:
        layer: The layer.
        config: Its configuration.

    Returns:
        Arguments for the constructor, None if the layer has no such function.
    """
    given = {
        key: value if callable(value) else getattr(layer, key, None)
        for key, value in config.items()
    }
    own = {key: value for key, value in given.items() if _is_own(value)}
    return {**config, **own} if own else None


def _is_own(value: Any) -> bool:
    module = getattr(value, "__module__", None) or ""
    return callable(value) and module.partition(".")[0] not in LIBRARIES
