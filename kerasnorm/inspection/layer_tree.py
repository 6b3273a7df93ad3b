"""Lists the layers of any model, however deep they lie."""

from collections.abc import Callable, Iterator

import keras


def iter_layers(
    model: keras.layers.Layer,
    enter: Callable[[keras.layers.Layer], bool] = lambda layer: True,
) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Visit every layer below a model once, nested models and attributes included.

    Args:
        model: Any Keras model or layer that owns layers.
        enter: Whether the layers inside a layer are visited, too.

    Yields:
        Path of names such as `"backbone/block1/bn"`, and the layer. A layer met in
        several places is visited once, at its first path.
    """
    seen = {id(model)}
    pending = [("", model)]
    while pending:
        path, owner = pending.pop(0)
        children = []
        for layer in children_of(owner):
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            children.append((f"{path}{layer.name}", layer))
        yield from children
        entered = [(f"{path}/", x) for path, x in children if enter(x)]
        pending = entered + pending


def children_of(owner: keras.layers.Layer) -> list[keras.layers.Layer]:
    """List the layers that an owner holds itself, perhaps in lists or dictionaries.

    Args:
        owner: Any Keras model or layer.
    """
    if isinstance(owner, keras.Model):
        return owner.layers
    return [
        layer
        for name, value in vars(owner).items()
        if not name.startswith("__")
        for layer in _layers_in(value)
    ]


def _layers_in(value):
    if isinstance(value, keras.layers.Layer):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _layers_in(item)
