"""Runs functions of input batches, compiled once for each examination where it pays."""

import contextlib
import contextvars
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import keras
from keras import ops

from kerasnorm.doctor.losses.evaluation_batches import fixed_batch
from kerasnorm.inspection.loss_gradients import without_gradients

Forward = Callable[[Any], Any]

_KEPT: contextvars.ContextVar[dict[Hashable, Forward] | None] = contextvars.ContextVar(
    "kept_forward_passes", default=None
)


@contextlib.contextmanager
def compiled_forward_cache() -> Iterator[None]:
    """Compile forward passes and keep them until the block ends.

    Use it where the same model runs over many batches. Weights and moving statistics
    may change meanwhile, the wiring and the precision of the layers may not.
    """
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def run_cached(model: keras.Model, key: Hashable, forward: Forward, x: Any) -> Any:
    """Return `forward(x)`, compiled if passes are kept and the backend gains by it.

    A function that cannot be compiled runs eagerly, now and later.

    Args:
        model: The model that `forward` runs.
        key: What `forward` does with it; equal keys are the same function.
        forward: Function of a batch of inputs to a nest of tensors.
        x: Inputs as a nest of arrays, each (samples, ...).
    """
    x = keras.tree.map_structure(ops.convert_to_tensor, x)
    functions = _KEPT.get()
    eager = functions is None or getattr(model, "run_eagerly", False)
    if functions is None or eager or keras.backend.backend() != "tensorflow":
        with without_gradients():
            return forward(x)
    return _run(functions, model, (id(model), key), forward, x)


def _run(
    functions: dict, model: keras.Model, key: Hashable, forward: Forward, x: Any
) -> Any:
    """Run the graph for batches like this one; make it where there is none yet.

    Batches of a second length make a graph for every length, if it can be traced.
    """
    tensors = keras.tree.flatten(x)
    kind = (key, *((str(t.dtype), len(t.shape)) for t in tensors))
    shapes = tuple(tuple(t.shape[1:]) for t in tensors)
    for place in (kind, (kind, shapes)):
        graph, likes = functions.get(place, (None, ()))
        if graph is not None and all(map(_fits, shapes, likes)):
            return graph(x)
    from kerasnorm.doctor.forward.forward_tf import compiled

    attempts: dict[Hashable, tuple] = {(kind, shapes): shapes}
    if kind not in functions:
        attempts = {kind: shapes}
    elif (kind, None) not in functions:
        attempts = {kind: tuple(map(_widened, shapes, functions[kind][1])), **attempts}
    for known, likes in attempts.items():
        try:
            graph = compiled(forward, x, likes, fixed_batch(model))
            found = graph(x)
        except Exception:
            # A layer needs to know the length, which is not tried again.
            functions[kind, None] = forward, ()
            continue
        functions[known] = graph, likes
        return found
    # What cannot be traced may still run; if not, it raises again here.
    functions[known] = forward, likes
    return forward(x)


def _fits(shape: tuple, like: tuple) -> bool:
    return all(b in (None, a) for a, b in zip(shape, like, strict=True))


def _widened(shape: tuple, like: tuple) -> tuple:
    return tuple(a if a == b else None for a, b in zip(shape, like, strict=True))
