"""The learning rates of any optimizer: wrapped, or made of several."""

import collections
from typing import Any

import keras

from kerasnorm.inspection.temporary_learning_rate import innermost


def learning_rates(optimizer: Any) -> dict[str, float]:
    """Return the learning rates of an optimizer now, by their names in the logs.

    Args:
        optimizer: A Keras optimizer.

    Returns:
        `learning_rate`; for `MultiOptimizer` `learning_rate/<name>` of each optimizer
        in it, those of the same name numbered; nothing where there is none.
    """
    several = parts(optimizer)
    if not several:
        rate = getattr(optimizer, "learning_rate", None)
        return {} if rate is None else {"learning_rate": _number(rate)}
    times = collections.Counter(part.name for part in several)
    found: dict[str, float] = {}
    for number, part in enumerate(several, 1):
        name = part.name if times[part.name] == 1 else f"{part.name}_{number}"
        found[f"learning_rate/{name}"] = _number(part.learning_rate)
    return found


def parts(optimizer: Any) -> list[Any]:
    """Return the optimizers that a `MultiOptimizer` is made of; nothing for others.

    Args:
        optimizer: A Keras optimizer, wrapped or not.
    """
    return list(getattr(innermost(optimizer), "optimizers", []))


def check_one_rate(optimizer: Any, what: str) -> None:
    """Refuse an optimizer that has no one learning rate to be set.

    Args:
        optimizer: A Keras optimizer.
        what: Who would set it, for the error.

    Raises:
        ValueError: If it is made of several.
    """
    if isinstance(innermost(optimizer), keras.optimizers.MultiOptimizer):
        raise ValueError(
            f"expected an optimizer with one learning rate for {what}, received a "
            "MultiOptimizer, whose parts have their own; set those of its `optimizers`"
        )


def _number(rate: Any) -> float:
    return float(keras.ops.convert_to_numpy(rate))
