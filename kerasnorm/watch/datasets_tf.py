"""Copies of TensorFlow's data sets, so that reading one changes nothing in another."""

import gc
import inspect
from typing import Any

import tensorflow as tf

# Constants of a copy go through a message that must stay far below 2 GB.
LARGEST = 200 * 2**20
# A shuffle shares the state of its generator with its copies; of the older operation
# every copy has its own.
WITH_OWN_STATE = {
    "ShuffleDatasetV3": ("ShuffleDataset", 4),
    "ShuffleDatasetV2": ("ShuffleDataset", 2),
    "ShuffleAndRepeatDatasetV2": ("ShuffleAndRepeatDataset", 5),
}
WRITING = ("SnapshotDataset", "SnapshotDatasetV2", "SaveDataset", "SaveDatasetV2")


def is_dataset(value: Any) -> bool:
    """Return whether a value is a data set of TensorFlow.

    Args:
        value: Any value.
    """
    return isinstance(value, tf.data.Dataset)


def copied(dataset: Any) -> tuple[Any, str]:
    """Return a copy with random states of its own, or None and why there is none.

    Args:
        dataset: A `tf.data.Dataset`.
    """
    if isinstance(dataset, getattr(tf.distribute, "DistributedDataset", ())):
        return None, "a distributed data set is not read a second time"
    size = _bytes_of(dataset)
    if size > LARGEST:
        return None, f"a data set that holds {size >> 20} MB in memory is not copied"
    try:
        message = tf.raw_ops.DatasetToGraphV2(
            input_dataset=tf.data.experimental.to_variant(dataset),
            external_state_policy=1,
            strip_device_assignment=False,
        )
        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString(message.numpy())
    except Exception as error:
        return None, f"the data set cannot be copied ({type(error).__name__})"
    nodes = [*graph.node]
    for function in graph.library.function:
        nodes += function.node_def
    reason = _refusal(graph, nodes)
    if reason:
        return None, reason
    for node in graph.node:
        if node.op in WITH_OWN_STATE:
            node.op, unwanted = WITH_OWN_STATE[node.op][0], WITH_OWN_STATE[node.op][1]
            del node.input[unwanted]
    variant = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return tf.data.experimental.from_variant(variant, dataset.element_spec), ""


def _bytes_of(dataset: Any) -> int:
    """Return the bytes of the tensors that a data set holds."""
    total, waiting = 0, [dataset]
    while waiting:
        found = waiting.pop()
        tensors = getattr(found, "_tensors", None) or ()
        total += sum(getattr(t.dtype, "size", 1) * int(tf.size(t)) for t in tensors)
        inputs = getattr(found, "_inputs", None)
        waiting += inputs() if callable(inputs) else []
    return total


def _refusal(graph: Any, nodes: list[Any]) -> str:
    """Return why a copy must not be read, nothing where it may."""
    operations = {node.op for node in nodes}
    if operations & set(WRITING):
        return "a data set that writes files is not read a second time"
    constants = {node.name: node for node in graph.node if node.op == "Const"}
    for node in graph.node:
        if node.op.startswith("CacheDataset"):
            name = constants.get(node.input[1].split(":")[0])
            value = name.attr["value"].tensor.string_val if name is not None else [b"?"]
            if any(value):
                return "a data set that caches in a file is not read a second time"
    if "GeneratorDataset" in operations and not _generators_begin_anew():
        return "a data set of a Python generator is not read a second time"
    return ""


def _generators_begin_anew() -> bool:
    """Return whether all functions of `from_generator` make new generators."""
    states = [
        found
        for found in gc.get_objects()
        if type(found).__name__ == "_GeneratorState"
        and type(found).__module__.startswith("tensorflow")
    ]
    functions = [getattr(state, "_generator", None) for state in states]
    return all(inspect.isgeneratorfunction(function) for function in functions)
