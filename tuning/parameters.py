"""What one parameter of a search may be: one of some values, or a range of numbers."""

import dataclasses
import math
from typing import Any

from kerasnorm.training.settings.errors import UsageError

Value = str | bool | int | float
# Part of a step by which the quotient of floats may miss a whole number of steps.
ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True)
class Choice:
    """One of some values.

    Args:
        name: Name of the parameter.
        values: The values, all of one type, in their order where they are numbers.
        when: Name of another parameter and those of its values with which this one
            has a meaning; nothing for always.
    """

    name: str
    values: tuple[Value, ...]
    when: tuple[str, tuple[Value, ...]] | None = None

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that have to be checked: all of them."""
        return self.values

    def own(self, value: Any) -> Value:
        """Return a value as it was declared: KerasTuner turns true into 1.

        Args:
            value: The value of a trial.
        """
        return next((own for own in self.values if own == value), value)

    def nearest(self, value: Any) -> Value:
        """Return a value if it is one of these, else the first of these.

        Args:
            value: Such as the value of the app's settings.
        """
        return value if value in self.values else self.values[0]


@dataclasses.dataclass(frozen=True)
class Range:
    """Numbers between two limits, both included.

    Args:
        name: Name of the parameter.
        low: Smallest value.
        high: Largest value; with a step, if steps from `low` lead to it.
        step: Distance of neighbours; nothing for any number in between. Under `log`
            the ratio of neighbours.
        log: Whether ratios count instead of differences; `low` is then above 0.
        whole: Whether only whole numbers are meant.
        when: Name of another parameter and those of its values with which this one
            has a meaning; nothing for always.
    """

    name: str
    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False
    when: tuple[str, tuple[Value, ...]] | None = None

    def extremes(self) -> tuple[Value, ...]:
        """Return the values that have to be checked: both ends."""
        return (self.number(self.low), self.number(self.high))

    def own(self, value: Any) -> Value:
        """Return a number in the type of the range.

        Args:
            value: The value of a trial.
        """
        return self.number(value)

    def nearest(self, value: Any) -> Value:
        """Return a value if it is in the range, else the lower end.

        Args:
            value: Such as the value of the app's settings.
        """
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self.step is not None:
            return self.number(value) if value in self.steps() else self.steps()[0]
        if is_number and self.low <= value <= self.high:
            return self.number(value)
        return self.number(self.low)

    def is_finite(self) -> bool:
        """Say whether a search can try every value, one after the other."""
        return self.step is not None or (self.whole and not self.log)

    def steps(self) -> tuple[Value, ...]:
        """Return the values in ascending order, none of them without a step.

        KerasTuner's own count of steps loses the upper end by rounding: from 0.1 to
        0.3 by 0.1 it draws 0.1 and 0.2 only.
        """
        if self.step is None:
            return ()
        if self.log:
            span = math.log(self.high / self.low) / math.log(self.step)
        else:
            span = (self.high - self.low) / self.step
        numbers = range(math.floor(span + ROUNDING) + 1)
        if self.log:
            values = [self.low * self.step**number for number in numbers]
        else:
            values = [self.low + number * self.step for number in numbers]
        # Ten digits turn 0.1 + 2 * 0.1 into the 0.3 of the settings.
        return tuple(self.number(float(f"{value:.10g}")) for value in values)

    def number(self, value: float) -> Value:
        """Return a number in the type of the range.

        Args:
            value: A number.
        """
        return int(value) if self.whole else float(value)


Parameter = Choice | Range


def to_dict(parameter: Parameter) -> dict[str, Any]:
    """Return a parameter as plain values.

    Args:
        parameter: The parameter.
    """
    return {"kind": type(parameter).__name__, **dataclasses.asdict(parameter)}


def from_dict(values: dict[str, Any]) -> Parameter:
    """Make a parameter from what `to_dict` returned, perhaps after a detour by JSON.

    Args:
        values: The plain values.
    """
    fields = dict(values)
    kind = fields.pop("kind")
    if fields["when"] is not None:
        name, allowed = fields["when"]
        fields["when"] = (name, tuple(allowed))
    if kind == "Choice":
        return Choice(**{**fields, "values": tuple(fields["values"])})
    return Range(**fields)


def parse(name: str, given: Any, *, whole: bool = False) -> Parameter | None:
    """Make a parameter from its lines in a YAML file.

    Args:
        name: Its name.
        given: A list of values; a mapping with `min`, `max` and perhaps `step` and
            `log`; one value to fix it; or nothing to take it out of the search.
        whole: Whether the setting of that name takes whole numbers only.

    Raises:
        UsageError: If it is none of these, or the limits are wrong.
    """
    if given is None:
        return None
    if isinstance(given, dict):
        return _range(name, given, whole)
    values = [
        _plain(value) for value in (given if isinstance(given, list) else [given])
    ]
    if not values or not all(isinstance(v, str | bool | int | float) for v in values):
        raise UsageError(
            f"expected {name} in the space to be a list of values, or min and max, "
            f"received {given!r}"
        )
    kinds = {type(value) for value in values}
    if whole:
        values = [_as_whole(name, value, given) for value in values]
    elif kinds == {int, float}:
        values = [float(value) for value in values]
    elif len(kinds) > 1:
        raise UsageError(
            f"expected the values of {name} in the space to be of one kind, "
            f"received {given!r}"
        )
    return Choice(name, tuple(dict.fromkeys(values)))


def _range(name: str, given: dict[str, Any], whole: bool) -> Range:
    unknown = sorted(set(given) - {"min", "max", "step", "log"})
    numbers = {key: _plain(given.get(key)) for key in ("min", "max", "step")}
    wrong = [
        key
        for key, value in numbers.items()
        if not isinstance(value, int | float) and not (key == "step" and value is None)
    ]
    if unknown or wrong:
        raise UsageError(
            f"expected {name} in the space as {{min: NUMBER, max: NUMBER, "
            f"step: NUMBER, log: true}}, step and log where wanted, received {given!r}"
        )
    if whole:
        numbers = {
            key: None if value is None else _as_whole(name, value, given)
            for key, value in numbers.items()
        }
    log = bool(given.get("log", False))
    if not numbers["min"] < numbers["max"]:
        raise UsageError(f"expected min below max for {name}, received {given!r}")
    if log and not numbers["min"] > 0:
        raise UsageError(
            f"expected min above 0 for {name} with log, received {given!r}"
        )
    step = numbers["step"]
    if step is not None and not step > (1 if log else 0):
        raise UsageError(
            f"expected step above {1 if log else 0} for {name}, received {given!r}"
        )
    return Range(name, numbers["min"], numbers["max"], step, log, whole)


def _as_whole(name: str, value: Any, given: Any) -> int:
    if isinstance(value, bool | str):
        is_whole = False
    else:
        is_whole = float(value).is_integer()
    if not is_whole:
        raise UsageError(
            f"expected whole numbers for {name} in the space, received {value!r} in "
            f"{given!r}"
        )
    return int(value)


def _plain(value: Any) -> Any:
    # YAML 1.1 takes 1e-4 for a word.
    if isinstance(value, str):
        try:
            return float(value) if value[:1] in "+-.0123456789" else value
        except ValueError:
            return value
    return value
