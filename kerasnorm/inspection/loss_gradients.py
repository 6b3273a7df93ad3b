"""The gradients of a model's loss on one batch, or none at all, on every backend."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from kerasnorm.inspection.own_methods import training_loss


def loss_gradients(model: keras.Model, x: Any, y: Any, sample_weight: Any) -> list[Any]:
    """Return the gradient of each trainable weight; None where the loss has none.

    Args:
        model: The compiled model.
        x: Inputs, as the model takes them.
        y: Targets.
        sample_weight: Weights of the samples, or None.
    """

    def loss() -> Any:
        predicted = model(x, training=True)
        return training_loss(model, x, y, predicted, sample_weight)

    compute = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
    return compute[keras.config.backend()](model.trainable_variables, loss)


def _tensorflow(weights, loss) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    return list(tape.gradient(value, [weight.value for weight in weights]))


def _jax(weights, loss) -> list[Any]:
    import jax

    def loss_of(values):
        # What the step would write, such as moving statistics, stays in the scope.
        with keras.StatelessScope(zip(weights, values, strict=True)):
            return loss()

    return list(jax.grad(loss_of)([weight.value for weight in weights]))


def _torch(weights, loss) -> list[Any]:
    import torch

    values = [weight.value for weight in weights]
    return list(torch.autograd.grad(loss(), values, allow_unused=True))


@contextlib.contextmanager
def without_gradients() -> Iterator[None]:
    """Keep the torch backend from remembering every activation."""
    if keras.backend.backend() != "torch":
        yield
        return
    import torch

    with torch.no_grad():
        yield
