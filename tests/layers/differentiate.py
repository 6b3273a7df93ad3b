"""Outputs and gradients of a layer, the same call on every backend."""

import keras
import numpy as np


def numpy(value):
    """Return a tensor as a NumPy array."""
    if not len(value.shape):
        # Keras cannot convert a scalar in bfloat16.
        return keras.ops.convert_to_numpy(keras.ops.reshape(value, (1,)))[0]
    return keras.ops.convert_to_numpy(value)


def outputs_and_gradients(layer, x, dy, jit_compile=False, **call):
    """Return the outputs, the gradient of `x` and those of the trainable weights.

    `dy` is the gradient of the outputs. The layer's moving statistics are updated. JAX
    always compiles.
    """
    results = _BACKENDS[keras.backend.backend()](layer, x, dy, call, jit_compile)
    return [numpy(result) for result in results]


def _tensorflow(layer, x, dy, call, jit_compile):
    import tensorflow as tf

    def run(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **call)
        weights = [weight.value for weight in layer.trainable_variables]
        dy = tf.cast(dy, y.dtype)
        return [y, *tape.gradient(y, [x, *weights], dy, unconnected_gradients="zero")]

    if jit_compile:
        run = tf.function(run, jit_compile=True)
    return run(tf.constant(x), tf.constant(dy))


def _jax(layer, x, dy, call, jit_compile):
    import jax

    def run(x, weights, frozen):
        return layer.stateless_call(weights, frozen, x, **call)

    # Compiled as a whole: one by one, each operation would be compiled on its own.
    @jax.jit
    def both(x, weights, frozen, dy):
        y, pull, moved = jax.vjp(
            lambda x, weights: run(x, weights, frozen), x, weights, has_aux=True
        )
        return y, pull(dy.astype(y.dtype)), moved

    weights = [weight.value for weight in layer.trainable_variables]
    frozen = [weight.value for weight in layer.non_trainable_variables]
    y, (dx, d_weights), moved = both(
        jax.numpy.asarray(x), weights, frozen, jax.numpy.asarray(dy)
    )
    for weight, value in zip(layer.non_trainable_variables, moved, strict=True):
        weight.assign(value)
    return [y, dx, *d_weights]


def _torch(layer, x, dy, call, jit_compile):
    import torch

    x = torch.tensor(x, requires_grad=True)
    y = layer(x, **call)
    weights = [weight.value for weight in layer.trainable_variables]
    grads = torch.autograd.grad(
        y,
        [x, *weights],
        torch.as_tensor(np.asarray(dy)).to(y.dtype),
        allow_unused=True,
        materialize_grads=True,
    )
    return [y.detach(), *grads]


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
