"""Configurations of layers, changed before new layers are made from them."""

from typing import Any

# Types and policies of layers that compute with floats.
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
