"""What `fit` was given, as batches that can be read without changing anything."""

import contextlib
import copy
import threading
import time
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

# Training batches of a generator that are kept for the examination.
KEPT_SAMPLES = 1024
DEFAULT_BATCH = 32
# Seconds without a batch after which no thread draws ahead any more, and the longest
# time to wait for that.
QUIET, PATIENCE = 0.05, 20.0


@dataclass
class Source:
    """Batches of one split.

    Args:
        batches: The batches; None where they cannot be read.
        reason: Why not.
        recorder: Where `fit` gets the batches of a generator through.
    """

    batches: Any = None
    reason: str = ""
    recorder: "Recorder | None" = None

    def after(self) -> Any:
        """Return the batches once `fit` is over, None where there are none."""
        if self.recorder is not None:
            return self.recorder.kept or None
        return self.batches


class ArrayBatches:
    """Arrays in the batches in which `fit` takes them.

    Args:
        parts: Inputs, labels and weights, nests of arrays.
        size: Samples in a batch.
        shuffled: Whether `fit` shuffles.
    """

    def __init__(self, parts: tuple, size: int, shuffled: bool) -> None:
        self.parts, self.size = parts, size
        self.count = len(keras.tree.flatten(parts)[0])
        order = np.arange(self.count)
        if shuffled:
            # Not from the global generator, which belongs to the script.
            np.random.default_rng(0).shuffle(order)
        self.order = order

    def __len__(self) -> int:
        return -(-self.count // self.size)

    def __getitem__(self, number: int) -> tuple:
        chosen = self.order[number * self.size : (number + 1) * self.size]
        return tuple(
            None
            if part is None
            else keras.tree.map_structure(lambda array: array[chosen], part)
            for part in self.parts
        )


class Recorder:
    """Keeps the first batches of a generator as they pass.

    Args:
        batches: The generator.
    """

    def __init__(self, batches: Iterator) -> None:
        self.batches = batches
        self.kept: list[Any] = []
        self.samples = self.drawn = 0
        # The thread that waits for a batch, and the last one that did.
        self.drawing = self.thread = 0

    def generator(self) -> Iterator:
        """Yield what the generator yields, and nothing more of it than is asked for."""
        while True:
            try:
                batch = self._next()
            except StopIteration:
                return
            if self.samples < KEPT_SAMPLES:
                copied = keras.tree.map_structure(_copied, batch)
                self.samples += len(keras.tree.flatten(copied)[0])
                self.kept.append(copied)
            yield batch

    def _next(self) -> Any:
        self.drawing = self.thread = threading.get_ident()
        try:
            return next(self.batches)
        finally:
            self.drawing, self.drawn = 0, self.drawn + 1

    def settle(self) -> None:
        """Wait until no other thread draws from the generator.

        On TensorFlow, Keras draws ahead in a thread: a random state that is kept
        meanwhile would be one that the script never had.
        """
        until = time.monotonic() + PATIENCE
        while self.thread != threading.get_ident() and time.monotonic() < until:
            drawn = self.drawn
            time.sleep(QUIET)
            if not self.drawing and drawn == self.drawn:
                return


def _copied(leaf: Any) -> Any:
    return None if leaf is None else np.array(keras.ops.convert_to_numpy(leaf))


def is_arrays(x: Any) -> bool:
    """Return whether inputs are arrays, or nests of them.

    Args:
        x: What `fit` was given.
    """
    if isinstance(x, (keras.utils.PyDataset, str, bytes, types.GeneratorType)):
        return False
    leaves = keras.tree.flatten(x)
    return bool(leaves) and all(_is_array(leaf) for leaf in leaves)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "__getitem__")


def array_source(
    parts: Iterable[Any],
    size: int | None,
    shuffled: bool,
    class_weight: Mapping[int, float] | None = None,
) -> Source:
    """Return arrays as batches.

    Args:
        parts: Inputs, labels and sample weights.
        size: Samples in a batch, None for Keras' default.
        shuffled: Whether `fit` shuffles.
        class_weight: Weights by class, as for `fit`.
    """
    x, y, weights = (
        None if part is None else keras.tree.map_structure(_as_numpy, part)
        for part in parts
    )
    if class_weight and y is not None and not isinstance(y, dict | list):
        weights = with_class_weights(y, weights, class_weight)
    given = (
        (x, y, weights) if weights is not None else (x, y) if y is not None else (x,)
    )
    return Source(ArrayBatches(given, size or DEFAULT_BATCH, shuffled))


def _as_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(leaf) if _is_frame(leaf) else keras.ops.convert_to_numpy(leaf)


def _is_frame(leaf: Any) -> bool:
    return isinstance(leaf, np.ndarray) or hasattr(leaf, "iloc")


def with_class_weights(
    y: np.ndarray, weights: np.ndarray | None, class_weight: Mapping[int, float]
) -> np.ndarray:
    """Return sample weights in which the weights of the classes count.

    Args:
        y: Labels, whole numbers or one-hot.
        weights: Sample weights, if any.
        class_weight: Weights by class.
    """
    one_hot = y.ndim > 1 and y.shape[-1] > 1
    classes = np.argmax(y, -1) if one_hot else np.round(y).reshape(len(y))
    found = np.array([class_weight.get(int(c), 1.0) for c in classes], "float32")
    return found if weights is None else found * np.asarray(weights).reshape(-1)


@contextlib.contextmanager
def state_kept(source: Any) -> Iterator[None]:
    """Restore the attributes of a data set of Python when the block ends.

    Iterators count the batches that they have given, and draw orders.

    Args:
        source: A `PyDataset`, a loader, or anything else.

    Yields:
        Nothing.
    """
    if not isinstance(source, keras.utils.PyDataset):
        yield
        return
    kept = dict(vars(source))
    contents = {
        name: copy.copy(value)
        for name, value in kept.items()
        if isinstance(value, list | dict | set)
        or (isinstance(value, np.ndarray) and value.ndim == 1)
    }
    try:
        yield
    finally:
        now = vars(source)
        for name in set(now) - set(kept):
            del now[name]
        now.update(kept)
        for name, content in contents.items():
            _refill(kept[name], content)


def _refill(value: Any, content: Any) -> None:
    if isinstance(value, np.ndarray | list):
        value[:] = content
    elif value != content:
        value.clear()
        value.update(content)
