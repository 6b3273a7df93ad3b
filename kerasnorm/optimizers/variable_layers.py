"""Finds who holds an object, for optimizers that are handed bare variables."""

import gc
import itertools
from collections.abc import Iterable

import keras


def find_variable_layers(
    variables: Iterable, layer_types: tuple[type, ...]
) -> dict[int, keras.layers.Layer]:
    """Find the layers that own variables.

    Keras hands an optimizer a list of variables, and a variable does not know its
    layer: the path of a depthwise kernel in a layer named `"mixer"` reads like that of
    a dense one, and so may its shape. Layers do know their variables, so this asks
    every layer alive in the process, once, while an optimizer is being built (a
    tenth of a second). It needs no help from the model, works before and after
    `load_model`, in `fit` and in custom loops, on every backend, and changes nothing
    in Keras.

    Args:
        variables: Keras variables of one or several models.
        layer_types: Kinds of layers that count as owners.

    Returns:
        Layer by the `id` of the variable; the innermost, should layers of these kinds
        be nested. A variable no such layer holds is absent.
    """
    wanted = {id(variable) for variable in variables}
    owners: dict[int, keras.layers.Layer] = {}
    layers = live_instances(*layer_types)
    # A layer inside another holds fewer weights, so it comes later and stays.
    for layer in sorted(layers, key=lambda layer: len(layer.weights), reverse=True):
        for weight in layer.weights:
            if id(weight) in wanted:
                owners[id(weight)] = layer
    return owners


def live_instances(*types: type) -> list:
    """List the living objects of some types.

    Args:
        *types: Classes whose instances Python's garbage collector tracks; that is
            every ordinary class.

    Returns:
        Their instances and those of their subclasses.
    """
    wanted: set[type] = set()
    waiting = list(types)
    while waiting:
        found = waiting.pop()
        if found not in wanted:
            wanted.add(found)
            waiting += found.__subclasses__()
    # Half a million objects are common: no Python code runs for each of them.
    # `isinstance` would, and it would wake lazy proxies; `id` asks no metaclass.
    wanted_ids = {id(found) for found in wanted}
    objects = gc.get_objects()
    is_wanted = map(wanted_ids.__contains__, map(id, map(type, objects)))
    return list(itertools.compress(objects, is_wanted))
