"""One forward and backward pass of a layer as a function to time, on every backend.

Used by `benchmarks.norm_layers`. Import it after `KERAS_BACKEND` has been set.
"""

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras

BACKEND = keras.backend.backend()
MODES = {
    "tensorflow": ("graph", "xla"),
    "jax": ("xla",),
    "torch": ("eager",),
}[BACKEND]


def numbers(shape: tuple, dtype: str) -> Any:
    """Return normally distributed numbers on the device."""
    return keras.ops.cast(keras.random.normal(shape), dtype)


def make_step(layer: Any, x: Any, dy: Any, mode: str) -> Callable[[], Any]:
    """Return a function that computes outputs and all gradients, and waits for them."""
    run = _forward(layer)
    weights = [weight.value for weight in layer.trainable_variables]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        def step(x: Any, dy: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = run(x, [])
            return y, tape.gradient(y, [x, *_watched(layer)], dy)

        compiled = tf.function(step, jit_compile=mode == "xla", autograph=False)
        return lambda: _wait(compiled(x, dy))
    if BACKEND == "jax":
        import jax

        def both(x: Any, weights: list, dy: Any) -> Any:
            y, pull = jax.vjp(run, x, weights)
            return y, pull(dy)

        compiled = jax.jit(both)
        return lambda: jax.block_until_ready(compiled(x, weights, dy))
    import torch

    x = x.detach().requires_grad_()

    def eager() -> Any:
        y = run(x, [])
        gradients = torch.autograd.grad(y, [x, *weights], dy, allow_unused=True)
        if x.is_cuda:
            torch.cuda.synchronize()
        return y, gradients

    return eager


def make_copy(x: Any, mode: str) -> Callable[[], Any]:
    """Return the floor: read a tensor, write one of the same size, leave it there."""
    if BACKEND == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(lambda x: x + 1, jit_compile=mode == "xla")
        return lambda: _wait(compiled(x))
    if BACKEND == "jax":
        import jax

        compiled = jax.jit(lambda x: x + 1)
        return lambda: jax.block_until_ready(compiled(x))
    import torch

    def eager() -> Any:
        y = x + 1
        if x.is_cuda:
            torch.cuda.synchronize()
        return y

    return eager


def interleaved(steps: dict, rounds: int) -> dict[str, list[float]]:
    """Time all steps in each round, in shuffled order, in seconds."""
    for step in steps.values():
        step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    names = list(steps)
    for _ in range(rounds):
        random.shuffle(names)
        for name in names:
            start = time.perf_counter()
            result = steps[name]()
            times[name].append(time.perf_counter() - start)
            del result
    return times


def ratios(times: dict, name: str, to: str) -> dict[str, float]:
    """Return median and quartiles of a step's time in units of another's, per round."""
    each = [a / b for a, b in zip(times[name], times[to], strict=True)]
    if len(each) < 2:
        return {"median": each[0], "low": each[0], "high": each[0]}
    low, _, high = statistics.quantiles(each, n=4, method="inclusive")
    return {"median": statistics.median(each), "low": low, "high": high}


def kept_bytes(layer: Any, x: Any) -> int | None:
    """Return the size of the tensors that backward reads of forward, weights aside.

    Counted in TensorFlow's graph, before any compiler; None on other backends, which
    do not tell.
    """
    if BACKEND != "tensorflow":
        return None
    import tensorflow as tf

    run = _forward(layer)
    kept = {}

    def source(tensor: Any) -> Any:
        # Another view of the same memory.
        while tensor.op.type in ("Reshape", "Identity", "IdentityN"):
            tensor = tensor.op.inputs[tensor.value_index]
        return tensor

    @tf.function(autograph=False)
    def step(x: Any) -> None:
        graph = tf.compat.v1.get_default_graph()
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = run(x, [])
        forward = {op.name for op in graph.get_operations()}
        tape.gradient(y, [x, *_watched(layer)], tf.ones_like(y))
        for op in graph.get_operations():
            for tensor in () if op.name in forward else op.inputs:
                root = source(tensor)
                if root.op.name in forward and root.shape.rank:
                    kept[root.name] = root.shape.num_elements() * root.dtype.size

    step.get_concrete_function(x)
    return sum(kept.values())


def _forward(layer: Any) -> Callable:
    call = {"training": True} if layer.non_trainable_variables else {}
    if BACKEND == "jax":
        frozen = [weight.value for weight in layer.non_trainable_variables]
        return lambda x, weights: layer.stateless_call(weights, frozen, x, **call)[0]
    return lambda x, weights: layer(x, **call)


def _watched(layer: Any) -> list:
    return [weight.value for weight in layer.trainable_variables]


def _wait(results: Any) -> Any:
    """Fetch one number, which waits for a device that works ahead."""
    first = results[0] if isinstance(results, tuple) else results
    keras.ops.convert_to_numpy(keras.ops.reshape(first, (-1,))[:1])
    return results
