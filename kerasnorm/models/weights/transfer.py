"""Takes the weights of an earlier network, layer by layer, where they fit."""

import dataclasses
import os
from typing import Any

import keras
import numpy as np

from kerasnorm.inspection import layer_tree
from kerasnorm.models.weights import keras_file

# Names shown of what was left.
SHOWN = 4


class NoLayerFitsError(ValueError):
    """The weights are of another network."""


@dataclasses.dataclass(frozen=True)
class Taken:
    """What a network took from a file.

    Args:
        taken: Paths of the layers that have weights from the file now.
        left: Paths of the layers that start at random, with the reason.
        unused: Names of layers of the file that nothing was done with.
    """

    taken: list[str]
    left: dict[str, str]
    unused: list[str]

    def __str__(self) -> str:
        """Say it in one line."""
        count = len(self.taken) + len(self.left)
        said = f"weights of {len(self.taken)} of {count} layers taken"
        reasons = [f"{name} ({why})" for name, why in self.left.items()]
        if reasons:
            said += f"; at random start {_list(reasons)}"
        if self.unused:
            said += f"; of no use here {_list(self.unused)}"
        return said


def take_weights(
    model: keras.Model, file: str | os.PathLike, without: tuple[str, ...] = ()
) -> Taken:
    """Put the weights of a file into the layers of the same name and shapes.

    Of the file only numbers are read: nothing in it can run.

    Args:
        model: Any built network; it is changed in place.
        file: A `.keras` file, weights as `save_weights` writes them, or HDF5 of Keras
            2.
        without: Names of layers that keep their random start.

    Returns:
        What was taken and what was not.

    Raises:
        ValueError: If the file holds no weights, or no layer fits.

    Example:
        >>> print(take_weights(model, "runs/cats_dogs/first/model.keras"))
        weights of 20 of 21 layers taken; at random start classifier ((64, 3) there, ...
    """
    numbers = keras_file.read_layers(file)
    taken: list[str] = []
    left: dict[str, str] = {}
    used: set[int] = set()
    for path, layer in layer_tree.iter_layers(model):
        own = _own_numbers(layer)
        if not own:
            continue
        named = [n for n, one in enumerate(numbers) if one.name == layer.name]
        fitting = [n for n in named if n not in used and _same(numbers[n].values, own)]
        if layer.name in without:
            used.update(named[:1])
            left[path] = "of other classes"
        elif fitting:
            used.add(fitting[0])
            layer.load_own_variables(numbers[fitting[0]].values)
            taken.append(path)
        elif named:
            used.add(named[0])
            there, here = _shape(numbers[named[0]].values), _shape(own)
            left[path] = f"{there} there, {here} here"
        else:
            left[path] = "not in the file"
    if not taken:
        raise NoLayerFitsError(
            f"Expected weights of a network with layers as in {model.name}. Received: "
            f"{os.fspath(file)!r}, of which no layer fits."
        )
    unused = [one.name for n, one in enumerate(numbers) if n not in used]
    return Taken(taken, left, unused)


def _own_numbers(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return the numbers of a layer itself, not those of layers inside."""
    store: dict[str, Any] = {}
    if not isinstance(layer, keras.Model):
        layer.save_own_variables(store)
    return {
        name: np.asarray(keras.ops.convert_to_numpy(value))
        for name, value in store.items()
        # Only Keras knows how to fill the seeds of random layers.
        if not isinstance(layer, keras.layers.Dropout)
    }


def _same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return {k: v.shape for k, v in first.items()} == {
        k: v.shape for k, v in second.items()
    }


def _shape(values: dict[str, Any]) -> tuple[int, ...]:
    return max((value.shape for value in values.values()), key=np.prod, default=())


def _list(names: list[str]) -> str:
    more = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
