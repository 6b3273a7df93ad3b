"""Outputs and gradients of a layer, the same call on every backend."""

import keras
import numpy as np


def numpy(value):
    """Return a tensor as a NumPy array."""
    return keras.ops.convert_to_numpy(value)


def outputs_and_gradients(layer, x, dy, **call):
    """Return the outputs, the gradient of `x` and those of the trainable weights.

    `dy` is the gradient of the outputs. The layer's moving statistics are updated.
    """
    results = _BACKENDS[keras.backend.backend()](layer, x, dy, call)
    return [numpy(result) for result in results]


def _tensorflow(layer, x, dy, call):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
    weights = [weight.value for weight in layer.trainable_variables]
    dy = tf.cast(dy, y.dtype)
    return [y, *tape.gradient(y, [x, *weights], dy, unconnected_gradients="zero")]


def _jax(layer, x, dy, call):
    import jax

    frozen = [weight.value for weight in layer.non_trainable_variables]

    def run(x, weights):
        return layer.stateless_call(weights, frozen, x, **call)

    weights = [weight.value for weight in layer.trainable_variables]
    y, pull, moved = jax.vjp(run, jax.numpy.asarray(x), weights, has_aux=True)
    dx, d_weights = pull(jax.numpy.asarray(dy, y.dtype))
    for weight, value in zip(layer.non_trainable_variables, moved, strict=True):
        weight.assign(value)
    return [y, dx, *d_weights]


def _torch(layer, x, dy, call):
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
