"""Whole copies of a model for trials: wiring, vocabularies, loss and own steps."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.sampling.samples import Samples
from kerasnorm.inspection.own_methods import STEP_METHODS, is_overridden
from kerasnorm.inspection.training_step import batches_as_in_fit
from kerasnorm.surgery.copier import RewritePlan
from kerasnorm.surgery.rebuild import compile_like, rebuild


class CannotCloneError(ValueError):
    """Nothing makes a new model from this one that trains as it does."""


def copy_model(
    model: keras.Model,
    samples: Samples,
    optimizer: Any = None,
    *,
    weights: bool = True,
    dtype: str | None = None,
) -> keras.Model:
    """Return a copy with the same loss, compiled where the model is.

    Args:
        model: Any built model.
        samples: Samples, which a model that is not a graph of layers is built with.
        optimizer: Optimizer of the copy; by default a new one of the same settings.
        weights: Whether the copy gets the weights too, or starts from new ones. What
            layers were adapted to, it gets in any case.
        dtype: Type in which the copy computes, None for that of each layer; wrap calls
            of it in `computing_in`.

    Raises:
        CannotCloneError: If no copy can be made that trains and measures alike.
    """
    batch = samples.take(samples.batches()[0][:1])[0]
    try:
        with restored_after(model), computing_in(dtype):
            plan = RewritePlan({}, batch=batch, dtype=dtype)
            copy = rebuild(model, plan, weights=weights).model
    # Constructors of users run here and may raise anything.
    except Exception as error:
        raise CannotCloneError(
            f"expected a model that can be copied, received {type(model).__name__}: "
            f"{error}"
        ) from error
    steps = [name for name in STEP_METHODS if is_overridden(model, name)]
    if steps and type(copy) is not type(model):
        raise CannotCloneError(
            f"expected a model whose copy keeps its own {steps[0]}, received "
            f"{type(model).__name__}, whose constructor Keras cannot call; give it the "
            "arguments of keras.Model, or get_config and from_config"
        )
    with computing_in(dtype):
        compile_like(model, copy, optimizer)
    return copy


@contextlib.contextmanager
def computing_in(dtype: str | None) -> Iterator[None]:
    """Let what is made and called here compute in a type; nothing changes for None.

    Args:
        dtype: Name of the type.
    """
    if dtype is None:
        yield
        return
    before = keras.config.floatx(), keras.config.dtype_policy()
    wide: Any = contextlib.nullcontext()
    if keras.config.backend() == "jax" and dtype == "float64":
        import jax

        # Left to itself, JAX makes float32 of it.
        wide = jax.enable_x64(True)
    with wide:
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)
        try:
            yield
        finally:
            keras.config.set_floatx(before[0])
            keras.config.set_dtype_policy(before[1])


def train_on(
    model: keras.Model, samples: Samples, batches: list[np.ndarray]
) -> dict[str, Any]:
    """Take one training step on each batch, in the form in which `fit` gives them.

    A training step of the user's own may begin with `x, y = data`: batches have as many
    parts as the data have.

    Args:
        model: A compiled model.
        samples: The samples.
        batches: Sample numbers of each batch.

    Returns:
        What the last step says, with the loss before it.
    """
    logs: dict[str, Any] = {}
    with batches_as_in_fit(model, samples.bare):
        for numbers in batches:
            logs = model.train_on_batch(*samples.take(numbers), return_dict=True)
    return logs


def trainable_arrays(model: keras.Model) -> list[np.ndarray]:
    """Return copies of the trainable weights."""
    values = model.trainable_variables
    return [np.array(keras.ops.convert_to_numpy(value)) for value in values]
