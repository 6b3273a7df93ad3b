"""Says which layer feeds which inside one functional or sequential model."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import keras

from kerasnorm.inspection import layer_tree

OUTPUT = "the outputs of the model"


@dataclasses.dataclass
class ModelGraph:
    """Edges between the operations of one model, nested models taken as one.

    Args:
        consumers: For each operation, who reads its outputs; `OUTPUT` for the model's
            own outputs. A reader is listed once per edge.
        producers: For each operation, whose outputs it reads.
        calls: How often each operation is called.
    """

    consumers: dict[Any, list]
    producers: dict[Any, list]
    calls: dict[Any, int]


def has_graph(model: Any) -> bool:
    """Return whether a layer is a functional or sequential model that knows its graph.

    Args:
        model: Any layer.
    """
    if isinstance(model, keras.Sequential):
        # One that has not been built, or not by tracing, refuses to tell its inputs.
        with contextlib.suppress(ValueError, AttributeError):
            return bool(model.inputs)
        return False
    return isinstance(model, keras.Model) and hasattr(model, "operations")


def iter_graph_models(model: Any) -> list[keras.Model]:
    """List the models that have a graph of their own: the given one and those inside.

    Args:
        model: Any model or layer.

    Returns:
        The functional and sequential models, each once, outer ones first.
    """
    below = [layer for _, layer in layer_tree.iter_layers(model)]
    return [layer for layer in (model, *below) if has_graph(layer)]


def find_shared(model: Any) -> set[Any]:
    """Find the layers that have more than one owner.

    Args:
        model: Any model or layer.

    Returns:
        The layers that several models or layers hold directly.
    """
    seen: set[Any] = set()
    shared: set[Any] = set()
    for owner in (model, *(layer for _, layer in layer_tree.iter_layers(model))):
        members = set(layer_tree.children_of(owner))
        shared |= members & seen
        seen |= members
    return shared


def read_graph(model: keras.Model) -> ModelGraph:
    """Read the wiring of a functional or sequential model.

    Args:
        model: The model; it is not entered further.

    Returns:
        Its edges.
    """
    if isinstance(model, keras.Sequential):
        return _trace_sequential(model)
    # A plain model around the same tensors: classes of users may have a
    # configuration that does not tell the graph.
    config = keras.Model(model.input, model.output).get_config()
    operations = {operation.name: operation for operation in model.operations}
    wiring = ModelGraph(
        {operation: [] for operation in operations.values()},
        {operation: [] for operation in operations.values()},
        dict.fromkeys(operations.values(), 0),
    )
    for record in config["layers"]:
        reader = operations[record["name"]]
        for node in record["inbound_nodes"]:
            wiring.calls[reader] += 1
            for name in _read_tensors(node):
                wiring.consumers[operations[name]].append(reader)
                wiring.producers[reader].append(operations[name])
    for name in _read_histories(config["output_layers"]):
        wiring.consumers[operations[name]].append(OUTPUT)
    return wiring


def _trace_sequential(model):
    layers = list(model.layers)
    followers = [[layer] for layer in layers[1:]] + [[OUTPUT]]
    leaders = [[], *([layer] for layer in layers[:-1])]
    calls: dict[Any, int] = {}
    consumers: dict[Any, list] = {}
    producers: dict[Any, list] = {}
    for layer, readers, sources in zip(layers, followers, leaders, strict=True):
        consumers.setdefault(layer, []).extend(readers)
        producers.setdefault(layer, []).extend(sources)
        calls[layer] = calls.get(layer, 0) + 1
    return ModelGraph(consumers, producers, calls)


def _read_tensors(value: Any) -> Iterator[str]:
    """Yield the names of the layers behind all tensors in a node's arguments."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield value["config"]["keras_history"][0]
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _read_tensors(item)


def _read_histories(value: Any) -> Iterator[str]:
    """Yield the names in nested lists of `[name, node, tensor]`."""
    if isinstance(value, dict):
        value = list(value.values())
    if len(value) == 3 and isinstance(value[0], str) and isinstance(value[1], int):
        yield value[0]
        return
    for item in value:
        yield from _read_histories(item)
