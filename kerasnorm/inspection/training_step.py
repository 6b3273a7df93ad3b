"""Hands single batches to a training step in the form in which `fit` gives them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def batches_as_in_fit(model: keras.Model, bare: bool = False) -> Iterator[None]:
    """Let `train_on_batch` give a training step of the user's own what `fit` gives it.

    `train_on_batch` hands over inputs, targets and weights, with None for what is not
    there; a step that begins with `x, y = data` takes two parts only. On PyTorch and in
    eager steps it hands over arrays, with which own steps cannot calculate.

    Args:
        model: A compiled model.
        bare: Whether `fit` would give inputs alone without a tuple around them, as it
            does where the elements of a dataset are single arrays.

    Yields:
        Nothing; the training step is as before afterwards.
    """
    own = model.train_step
    plain: Any = next(
        kind for kind in type(model).__mro__ if kind.__module__.startswith("keras.")
    )
    # A step that stands in already stays: each change compiles again.
    if type(model).train_step is plain.train_step or "train_step" in vars(model):
        yield
        return

    def step(*args: Any) -> Any:
        *state, data = args
        parts = tuple(
            keras.tree.map_structure(keras.ops.convert_to_tensor, part)
            for part in data
            if part is not None
        )
        return own(*state, parts[0] if bare and len(parts) == 1 else parts)

    compiled = model.train_function
    try:
        model.train_function = None
        model.train_step = step
        yield
    finally:
        del model.train_step
        model.train_function = compiled
