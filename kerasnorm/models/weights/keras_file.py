"""Reads the numbers in a model or weights file of Keras, and nothing else of it.

No layer is made from the file, so nothing in it can run, from every kind of model.
"""

import dataclasses
import io
import os
import pathlib
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

WEIGHTS_IN_ARCHIVE = "model.weights.h5"
# Variables of a layer, among the groups of its layers.
VARIABLES = "vars"


@dataclasses.dataclass(frozen=True)
class LayerNumbers:
    """The numbers of one layer.

    Args:
        name: The layer's name.
        values: Arrays by the key that `save_own_variables` gives them.
    """

    name: str
    values: dict[str, np.ndarray]


def read_layers(file: str | os.PathLike) -> list[LayerNumbers]:
    """Return the numbers of all layers with weights, at any depth.

    Args:
        file: A `.keras` file, weights as `save_weights` writes them, or HDF5 of Keras
            2.

    Raises:
        ValueError: If it is none of them, or damaged.
    """
    path = pathlib.Path(file)
    try:
        content: Any = path
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read(WEIGHTS_IN_ARCHIVE))
        with h5py.File(content, "r") as opened:
            found = list(_layers(opened))
    except (OSError, LookupError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            "Expected a model or weights that Keras has saved (.keras, .weights.h5 or "
            f".h5). Received: {os.fspath(file)!r}: {error}"
        ) from error
    if not found:
        raise ValueError(
            "Expected a file with weights of layers. Received: "
            f"{os.fspath(file)!r}, which has none."
        )
    return found


def _layers(opened: h5py.File) -> Iterator[LayerNumbers]:
    old = _child(opened, "model_weights") if "model_weights" in opened else opened
    if "layer_names" in old.attrs:
        yield from _layers_of_keras_2(old)
    else:
        yield from _layers_below(opened)


def _layers_of_keras_2(group: h5py.Group) -> Iterator[LayerNumbers]:
    """Yield layers whose variables have names such as `conv/kernel:0`."""
    for layer in map(_text, group.attrs["layer_names"]):
        inside = _child(group, layer)
        by_layer: dict[str, list[np.ndarray]] = {}
        for name in map(_text, inside.attrs["weight_names"]):
            owner = name.split("/")[-2] if "/" in name else layer
            value: Any = inside
            for part in name.split("/"):
                value = _child(value, part)
            by_layer.setdefault(owner, []).append(_array(value))
        for owner, arrays in by_layer.items():
            yield LayerNumbers(owner, {str(n): a for n, a in enumerate(arrays)})


def _layers_below(group: h5py.Group) -> Iterator[LayerNumbers]:
    for name in sorted(group, key=_natural):
        child = _child(group, name)
        if not isinstance(child, h5py.Group):
            continue
        if name != VARIABLES:
            yield from _layers_below(child)
        elif len(child) and "name" in child.attrs:
            values = {key: _array(_child(child, key)) for key in child}
            yield LayerNumbers(_text(child.attrs["name"]), values)


def _child(group: h5py.Group, name: str) -> Any:
    """Return what lies in a group itself, not what a link finds in another file."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"expected {name!r} in the file itself, received none")
    return group[name]


def _array(dataset: Any) -> np.ndarray:
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ValueError("expected numbers in the file itself, received a reference")
    values = dataset[()]
    if dataset.attrs.get("dtype") == "bfloat16":
        # Its two bytes are the upper half of a float32.
        return (np.asarray(values).view("u2").astype("u4") << 16).view("f4")
    return np.asarray(values)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _natural(name: str) -> list[Any]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
