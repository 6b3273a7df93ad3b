"""The data of one `fit`, by split."""

import math
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm.watch.sources import Recorder, Source, array_source, is_arrays

ONE_PASS = "a generator gives its batches once, so that they are not read before `fit`"


@dataclass
class Given:
    """The data of one `fit`.

    Args:
        arguments: Arguments for `fit`: those given, with generators recorded.
        train: Training batches.
        validation: Validation batches, None without.
    """

    arguments: dict[str, Any]
    train: Source
    validation: Source | None


def read_arguments(arguments: Mapping[str, Any]) -> Given:
    """Return the data of one `fit` as batches.

    Args:
        arguments: Its arguments by name.
    """
    passed = dict(arguments)
    x, y = passed.get("x"), passed.get("y")
    weights, split = passed.get("sample_weight"), passed.get("validation_split") or 0.0
    size, shuffled = passed.get("batch_size"), passed.get("shuffle", True)
    data = passed.get("validation_data")
    validation: Source | None = None
    if is_arrays(x):
        parts, rest = (x, y, weights), None
        if split and data is None:
            parts, rest = _divided(parts, split)
        train = array_source(parts, size, bool(shuffled), passed.get("class_weight"))
        if rest is not None:
            validation = array_source(rest, _evaluated(passed), False)
    else:
        train = _iterable(x)
        if train.recorder is not None:
            passed["x"] = train.recorder.generator()
    if data is not None:
        validation = _validation(data, passed)
        if validation.recorder is not None:
            passed["validation_data"] = validation.recorder.generator()
    return Given(passed, train, validation)


def _evaluated(arguments: Mapping[str, Any]) -> int | None:
    return arguments.get("validation_batch_size") or arguments.get("batch_size")


def _divided(parts: tuple, split: float) -> tuple[tuple, tuple]:
    """Return what trains and what validates, as `validation_split` divides it."""
    count = len(keras.tree.flatten(parts[0])[0])
    at = math.floor(count * (1.0 - split))

    def taken(chosen: slice) -> tuple:
        return tuple(
            None
            if part is None
            else keras.tree.map_structure(lambda array: _rows(array, chosen), part)
            for part in parts
        )

    return taken(slice(0, at)), taken(slice(at, None))


def _rows(array: Any, chosen: slice) -> Any:
    return array.iloc[chosen] if hasattr(array, "iloc") else array[chosen]


def _validation(data: Any, arguments: Mapping[str, Any]) -> Source:
    if isinstance(data, tuple | list) and 1 <= len(data) <= 3 and is_arrays(data[0]):
        parts = (*data, None, None)[:3]
        return array_source(parts, _evaluated(arguments), False)
    return _iterable(data)


def _iterable(source: Any) -> Source:
    if isinstance(source, types.GeneratorType):
        return Source(reason=ONE_PASS, recorder=Recorder(source))
    if "tensorflow" in sys.modules:
        from kerasnorm.watch import datasets_tf

        if datasets_tf.is_dataset(source):
            batches, reason = datasets_tf.copied(source)
            return Source(batches, reason)
    if isinstance(source, keras.utils.PyDataset):
        return Source(source)
    if type(source).__module__.startswith("torch.utils.data"):
        return Source(source)
    kind = type(source).__name__
    return Source(reason=f"data of type {kind} are not read a second time")
