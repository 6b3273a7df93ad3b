"""Which combinations of a finite search space have not been tried yet."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..parameters import Choice, Parameter

# Larger spaces are not listed; random draws find something new there.
MOST_COMBINATIONS = 20_000


def is_listable(
    parameters: Sequence[Parameter], values: Mapping[str, Sequence[Any]]
) -> bool:
    """Say whether a space is finite and small enough to list.

    Args:
        parameters: The space.
        values: All values of each parameter, by name.
    """
    is_finite = all(isinstance(p, Choice) or p.is_finite() for p in parameters)
    sizes = (len(values[p.name]) for p in parameters)
    return is_finite and math.prod(sizes) <= MOST_COMBINATIONS


def untried(
    parameters: Sequence[Parameter],
    values: Mapping[str, Sequence[Any]],
    trials: Iterable[Mapping[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Yield the combinations of a space that no trial has, in the order of values.

    Parameters that have no meaning in a combination are left out of it, so that two
    combinations never describe the same training.

    Args:
        parameters: The space; a parameter comes after the one it depends on.
        values: All values of each parameter, by name.
        trials: Values of each trial.
    """
    tried = {identity(parameters, trial) for trial in trials}
    for found in _combinations(parameters, values):
        if identity(parameters, found) not in tried:
            yield found


def identity(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> tuple:
    """Return what two trials have in common if and only if their settings are equal.

    Args:
        parameters: The space.
        values: Values of the trial.
    """
    active: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name in values and _has_meaning(parameter, active):
            active[parameter.name] = values[parameter.name]
    return tuple(
        # 0.1 + 0.2 and 0.3 are the same step.
        (name, float(f"{value:.10g}") if isinstance(value, float) else value)
        for name, value in active.items()
    )


def _has_meaning(parameter: Parameter, chosen: Mapping[str, Any]) -> bool:
    if parameter.when is None:
        return True
    parent, allowed = parameter.when
    return parent in chosen and chosen[parent] in allowed


def _combinations(
    parameters: Sequence[Parameter], values: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    def extend(place: int, chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if place == len(parameters):
            yield chosen
        elif _has_meaning(parameters[place], chosen):
            name = parameters[place].name
            for value in values[name]:
                yield from extend(place + 1, {**chosen, name: value})
        else:
            yield from extend(place + 1, chosen)

    return extend(0, {})
