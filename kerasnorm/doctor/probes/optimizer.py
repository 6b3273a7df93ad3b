"""Measures what the optimizer did: steps, averages, accumulation, what it trains."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from kerasnorm.inspection import learning_rates


@dataclass(frozen=True)
class OptimizerState:
    """What the optimizer tells about the training.

    Args:
        name: Name of the optimizer, None for a model that was not compiled.
        steps: Optimizer steps taken, None where unknown.
        learning_rate: Learning rate now, None where unknown.
        uses_ema: Whether it keeps an average of the weights.
        weights_are_average: Fraction of the trained variables that equal their average.
        accumulation_steps: Batches gathered for one step, 1 for none.
        frozen_but_trained: Names of variables it trains that are frozen now.
        loss_scale: Loss scale of mixed precision, None without one.
    """

    name: str | None = None
    steps: int | None = None
    learning_rate: float | None = None
    uses_ema: bool = False
    weights_are_average: float = 0.0
    accumulation_steps: int = 1
    frozen_but_trained: tuple[str, ...] = ()
    loss_scale: float | None = None


def inspect_optimizer(model: keras.Model) -> OptimizerState:
    """Read the state of the optimizer and of those it wraps.

    Args:
        model: Any Keras model, compiled or not.
    """
    chain = optimizers_of(model)
    if not chain:
        return OptimizerState()
    innermost = chain[-1]
    steps = max(_as_int(getattr(o, "iterations", None)) for o in chain)
    parts = [*chain, *learning_rates.parts(innermost)]
    accumulation = max(getattr(o, "gradient_accumulation_steps", 0) or 1 for o in parts)
    scale = next((o.dynamic_scale for o in chain if hasattr(o, "dynamic_scale")), None)
    return OptimizerState(
        name=innermost.name,
        steps=steps * accumulation if accumulation > 1 and steps else steps,
        learning_rate=_as_float(getattr(innermost, "learning_rate", None)),
        uses_ema=any(getattr(o, "use_ema", False) for o in parts),
        weights_are_average=max(_fraction_of_averages(o) for o in parts),
        accumulation_steps=accumulation,
        frozen_but_trained=_frozen_but_trained(model, parts),
        loss_scale=_as_float(scale),
    )


def optimizers_of(model: keras.Model) -> list:
    """Return the optimizer and the ones it wraps, outermost first."""
    chain, optimizer = [], getattr(model, "optimizer", None)
    while optimizer is not None:
        chain.append(optimizer)
        optimizer = getattr(optimizer, "inner_optimizer", None)
    return chain


def _as_int(variable) -> int:
    return 0 if variable is None else int(ops.convert_to_numpy(variable))


def _as_float(value) -> float | None:
    try:
        return None if value is None else float(ops.convert_to_numpy(value))
    except (TypeError, ValueError):
        return None


def _tracked(optimizer) -> list:
    return list(getattr(optimizer, "_trainable_variables", None) or [])


def _fraction_of_averages(optimizer) -> float:
    averages = list(getattr(optimizer, "_model_variables_moving_average", None) or [])
    pairs = [
        (variable, average)
        for variable, average in zip(_tracked(optimizer), averages, strict=False)
        if average is not None and variable.trainable
    ]
    if not pairs:
        return 0.0
    same = [
        np.allclose(ops.convert_to_numpy(v), ops.convert_to_numpy(a), atol=1e-7)
        for v, a in pairs
    ]
    return float(np.mean(same))


def _frozen_but_trained(model, chain) -> tuple[str, ...]:
    trained = {id(v) for v in model.trainable_variables}
    own = {id(v) for v in model.variables}
    return tuple(
        dict.fromkeys(
            variable.path
            for optimizer in chain
            for variable in _tracked(optimizer)
            if id(variable) in own and id(variable) not in trained
        )
    )
