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
def kept() -> Iterator[None]:
    """Compile forward passes and keep them until the block ends.

    Use it where the same model runs over many batches. Weights and moving statistics
    may change meanwhile, the wiring and the precision of the layers may not.
    """
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def call(model: keras.Model, key: Hashable, forward: Forward, x: Any) -> Any:
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
    shapes = [(str(t.dtype), tuple(t.shape[1:])) for t in keras.tree.flatten(x)]
    whole = (id(model), key, *shapes)
    if whole not in functions:
        from kerasnorm.doctor.forward.forward_tf import compiled

        functions[whole] = compiled(forward, x, fixed_batch(model))
        try:
            return functions[whole](x)
        except Exception:
            # Whatever cannot be traced may still run; if not, it raises again here.
            functions[whole] = forward
    return functions[whole](x)
