"""Replaces layers that other layers hold in attributes, lists and dictionaries."""

from typing import Any

import keras

from kerasnorm.callbacks import model_walk


def pair_layers(
    original: keras.layers.Layer, copy: keras.layers.Layer
) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """Pair the layers inside two objects of the same make, in their order.

    Args:
        original: A layer or model that owns layers.
        copy: Its copy.

    Returns:
        Pairs of (layer of the original, layer of the copy), without the two owners.

    Raises:
        ValueError: If the two do not hold the same kinds of layers.
    """
    ours = [layer for _, layer in model_walk.walk_layers(original)]
    theirs = [layer for _, layer in model_walk.walk_layers(copy)]
    if [type(layer) for layer in ours] != [type(layer) for layer in theirs]:
        raise ValueError(
            f"Expected {type(original).__name__} to make all its layers in its "
            "constructor, from the arguments in its configuration, so that a copy "
            f"holds the same layers. Received: {len(ours)} layers in the model, "
            f"{len(theirs)} in a copy made by `from_config(get_config())`. Make the "
            "layers in `__init__` and return all arguments from `get_config`."
        )
    return list(zip(ours, theirs, strict=True))


def replace_layer(
    owner: keras.layers.Layer, old: keras.layers.Layer, new: keras.layers.Layer
) -> None:
    """Replace a layer everywhere below an owner that has not been built.

    Args:
        owner: The layer or model to search.
        old: The layer to replace.
        new: The layer that takes its place.

    Raises:
        ValueError: If the owner still holds the old layer afterwards.
    """
    for holder in [owner, *(layer for _, layer in model_walk.walk_layers(owner))]:
        for name, value in list(vars(holder).items()):
            replaced = _replaced(value, old, new)
            if replaced is not value:
                setattr(holder, name, replaced)
    holders = [owner, *(layer for _, layer in model_walk.walk_layers(owner))]
    if any(_holds(list(vars(holder).values()), old) for holder in holders):
        raise ValueError(
            f"Expected {type(owner).__name__} to hold its norms in attributes, lists, "
            f"tuples or dictionaries. Received: {old.name!r} somewhere else. Keep the "
            "norm in an attribute."
        )


def _replaced(value: Any, old: Any, new: Any) -> Any:
    """Return the value with the layer replaced; lists and dictionaries in place."""
    if value is old:
        return new
    if isinstance(value, list | dict):
        keys = range(len(value)) if isinstance(value, list) else list(value)
        for key in keys:
            replaced = _replaced(value[key], old, new)
            if replaced is not value[key]:
                value[key] = replaced
        return value
    # TensorFlow wraps the tuples of a model, so their type may not be `tuple`. A named
    # tuple could not be made again like this.
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        items = tuple(_replaced(item, old, new) for item in value)
        if any(item is not before for item, before in zip(items, value, strict=True)):
            return items
    return value


def _holds(value: Any, layer: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(_holds(item, layer) for item in value)
    return value is layer
