"""One forward and backward pass of a layer as a function to time, on every backend.

Used by `benchmarks.norm_layers`. Import it after `KERAS_BACKEND` has been set.
"""

import gc
import os
import pathlib
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


def take_turns(steps: dict, rounds: int) -> dict[str, list[float]]:
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


def kept_bytes(layer: Any, x: Any, mode: str) -> int | None:
    """Return what stays allocated between forward and backward, the outputs aside.

    Counted by the device's allocator, or on a processor by the memory of the process;
    for that, start Python with `MALLOC_MMAP_THRESHOLD_=65536`.
    """
    hold = _hold(layer, x, mode)
    sizes = []
    for _ in range(3):
        gc.collect()
        before = _allocated()
        held = hold()
        gc.collect()
        after = _allocated()
        if before is None or after is None:
            return None
        sizes.append(after - before - held[0].nbytes)
        del held
    return max(0, int(statistics.median(sizes)))


def _hold(layer: Any, x: Any, mode: str) -> Callable[[], Any]:
    """Return a function that runs forward and returns all that backward needs."""
    run = _forward(layer)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        compiled = tf.function(
            lambda x: run(x, []), jit_compile=mode == "xla", autograph=False
        )

        def forward() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = compiled(x)
            return _NumpySized(y), tape

        return forward
    if BACKEND == "jax":
        import jax

        weights = [weight.value for weight in layer.trainable_variables]
        pull_back = jax.jit(lambda x, weights: jax.vjp(run, x, weights))
        return lambda: jax.block_until_ready(pull_back(x, weights))
    x = x.detach().requires_grad_()
    return lambda: (run(x, []),)


class _NumpySized:
    """A TensorFlow tensor that knows its bytes without being copied."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self.nbytes = tensor.dtype.size * int(keras.ops.size(tensor))


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


def _allocated() -> int | None:
    if BACKEND == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.memory_allocated()
    if BACKEND == "jax":
        import jax

        stats = jax.devices()[0].memory_stats()
        if stats:
            return stats["bytes_in_use"]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return tf.config.experimental.get_memory_info("GPU:0")["current"]
    statm = pathlib.Path("/proc/self/statm")
    if not statm.exists():
        return None
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
