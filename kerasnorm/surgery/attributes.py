"""Replaces layers that other layers hold in attributes, lists and dictionaries."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras

from kerasnorm.inspection import layer_tree


def pair_layers(
    original: keras.layers.Layer,
    copy: keras.layers.Layer,
    enter: Callable[[keras.layers.Layer], bool] = lambda layer: True,
) -> list[tuple[keras.layers.Layer, keras.layers.Layer]]:
    """Pair the layers inside two objects of the same make, in their order.

    Args:
        original: A layer or model that owns layers.
        copy: Its copy.
        enter: Whether the layers inside a layer are paired, too.

    Returns:
        Pairs of (layer of the original, layer of the copy), without the two owners.

    Raises:
        ValueError: If the two do not hold the same kinds of layers.
    """
    ours = [layer for _, layer in layer_tree.iter_layers(original, enter)]
    theirs = [layer for _, layer in layer_tree.iter_layers(copy, enter)]
    if [type(layer) for layer in ours] != [type(layer) for layer in theirs]:
        raise ValueError(
            f"Expected {type(original).__name__} to make all its layers in its "
            "constructor, from the arguments in its configuration, so that a copy "
            f"holds the same layers. Received: {len(ours)} layers in the model, "
            f"{len(theirs)} in a copy made by `from_config(get_config())`. Make the "
            "layers in `__init__` and return all arguments from `get_config`."
        )
    return list(zip(ours, theirs, strict=True))


def replace_layers(
    owner: keras.layers.Layer,
    replacements: Mapping[keras.layers.Layer, keras.layers.Layer],
) -> None:
    """Replace layers everywhere below an owner that has not been built.

    Args:
        owner: The layer or model to search.
        replacements: New layers by the layers they replace.

    Raises:
        ValueError: If the owner still holds one of the old layers afterwards.
    """
    new_by_id = {id(old): new for old, new in replacements.items()}
    # What is new is complete, and what hangs below the old falls away.
    complete = {*replacements, *replacements.values()}
    for holder in _holders(owner, complete):
        for name, value in list(vars(holder).items()):
            replaced = _replaced(value, new_by_id)
            if replaced is not value:
                setattr(holder, name, replaced)
    for holder in _holders(owner, complete):
        left = _held(list(vars(holder).values()), new_by_id)
        if left is not None:
            raise ValueError(
                f"Expected {type(owner).__name__} to hold its norms in attributes, "
                f"lists, tuples or dictionaries. Received: {left.name!r} somewhere "
                "else. Keep it in an attribute."
            )


def _holders(owner: Any, complete: set[Any]) -> list[Any]:
    """List an owner and the layers below it, without those that are complete."""
    below = layer_tree.iter_layers(owner, lambda layer: layer not in complete)
    return [owner, *(layer for _, layer in below if layer not in complete)]


def _replaced(value: Any, new_by_id: Mapping[int, Any]) -> Any:
    """Return the value with layers replaced; lists and dictionaries in place."""
    if id(value) in new_by_id:
        return new_by_id[id(value)]
    if isinstance(value, list | dict):
        keys = range(len(value)) if isinstance(value, list) else list(value)
        for key in keys:
            replaced = _replaced(value[key], new_by_id)
            if replaced is not value[key]:
                value[key] = replaced
        return value
    # TensorFlow wraps the tuples of a model, so their type may not be `tuple`. A named
    # tuple could not be made again like this.
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        items = tuple(_replaced(item, new_by_id) for item in value)
        if any(item is not before for item, before in zip(items, value, strict=True)):
            return items
    return value


def _held(value: Any, old_ids: Collection[int]) -> Any:
    """Return the first of some layers that a value holds, or None."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        found = (_held(item, old_ids) for item in value)
        return next((layer for layer in found if layer is not None), None)
    return value if id(value) in old_ids else None
