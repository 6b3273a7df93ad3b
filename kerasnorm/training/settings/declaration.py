"""How a setting is declared: its values, its help and all that depends on it.

A field of the settings is declared once, by `number`, `choice`, `switch` or `word`.
From that come the checks, the flag and its help, the YAML key, the default space of a
search, the table in the docs and the settings without augmentation.
"""

import dataclasses
import numbers
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from kerasnorm.model_kinds import MODEL_KINDS, models_with

# Key of a field's metadata.
KEY = "declaration"
# Beyond this neither TensorFlow's counters nor anybody's memory goes.
LARGEST = 2**31 - 1
# A setting without a value that switches it off.
ALWAYS_ON = object()
KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    type(None): "null",
}
_CLASSES: dict[type, type] = {int: numbers.Integral, float: numbers.Real}


@dataclasses.dataclass(frozen=True)
class Limits:
    """The numbers between two others.

    Args:
        low: The smallest.
        high: The largest.
        above: Whether `low` itself is too small.
        below: Whether `high` itself is too large.
    """

    low: float
    high: float = LARGEST
    above: bool = False
    below: bool = False

    def __contains__(self, value: Any) -> bool:
        """Say whether a number is among them; NaN never is."""
        return (self.low < value if self.above else self.low <= value) and (
            value < self.high if self.below else value <= self.high
        )

    def __str__(self) -> str:
        """Return them in words, such as `above 0 to 1`."""
        if self.high == LARGEST:
            return f"above {self.low}" if self.above else f"{self.low} or more"
        low = f"above {self.low}" if self.above else f"{self.low}"
        link = " and" if self.above and self.below else " to"
        return f"{low}{link} {'below ' if self.below else ''}{self.high}"


@dataclasses.dataclass(frozen=True)
class Searched:
    """What a search tries where its user names nothing else.

    Args:
        values: The values; nothing for a range.
        low: Smallest number of a range.
        high: Largest number of a range.
        step: Distance of the numbers of a range, if only some of them are tried.
        log: Whether ratios count instead of differences.
        place: Place among the parameters, from 1. What a seed draws depends on it, so
            a place once given stays.
        needs_gpu: Whether it takes a GPU to try them in reasonable time.
    """

    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    step: float | None = None
    log: bool = False
    place: int = 100
    needs_gpu: bool = False


@dataclasses.dataclass(frozen=True)
class Declaration:
    """All that is said of a setting beside its name, type and default.

    Args:
        help: One short sentence for `--help`.
        details: Further sentences for the docs.
        limits: The numbers it may be; nothing for other kinds.
        choices: The words it may be, or the words that a number may be instead; empty
            for any. A word that ends in `:NAME` stands for all that begin like it.
        off: Value that switches it off, for what is random in training images and so
            has to be off in those of the doctor's comparison.
        only_with: Values of other settings without which it is unused.
        argument: Argument of the model builders that takes it, so that it is unused
            with models that have none; nothing for what all models use.
        only_with_weights: Whether it is unused in a network that starts at random.
        searched: What a search tries by default; nothing if it does not vary.
        is_searchable: Whether trials of a search may differ in it.
        is_strength: Whether the parameter `augmentation` of a search scales it.
        is_of_one_call: Whether it belongs to one call of the program and not to the
            training, so that `--config RUN/settings.yaml` repeats a run under a new
            name.
        changes_on_resume: Whether it may change when an interrupted run continues.
        divides_data: Whether it decides which image trains and which validates.
        reads: Whether it is the path of something that is only read.
        writes: Whether it is the path of a folder that is written to.
        old_names: Names that it had and that are still understood.
    """

    help: str
    details: str = ""
    limits: Limits | None = None
    choices: Iterable[Any] = ()
    off: Any = ALWAYS_ON
    only_with: Mapping[str, Iterable[str]] = dataclasses.field(default_factory=dict)
    argument: str | None = None
    only_with_weights: bool = False
    searched: Searched | None = None
    is_searchable: bool = True
    is_strength: bool = False
    is_of_one_call: bool = False
    changes_on_resume: bool = False
    divides_data: bool = False
    reads: bool = False
    writes: bool = False
    old_names: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Say whether a value of the right kind is in range or among the choices.

        Args:
            value: The value.
        """
        if value is None:
            return True
        if isinstance(value, str):
            words = [word for word in self.choices if isinstance(word, str)]
            is_free = not words and self.limits is None
            return is_free or any(_stands_for(word, value) for word in words)
        if isinstance(value, bool):
            return True
        if self.limits is not None:
            return value in self.limits
        figures = [one for one in self.choices if not isinstance(one, str)]
        return value in figures if figures else True

    @property
    def values(self) -> str:
        """What it may be, in words; nothing where anything of its kind may be."""
        by_model = [
            f"{', '.join(map(str, known))} with {name}"
            for name, kind in MODEL_KINDS.items()
            if (known := kind.options.get(self.argument or ""))
        ]
        if by_model:
            return "; ".join(by_model)
        words = [str(word) for word in self.choices]
        if self.limits is not None:
            return " or ".join([str(self.limits), *words])
        return ", ".join(words)

    @property
    def in_full(self) -> str:
        """All sentences on it, and what it may be."""
        values = f"Values: {self.values}." if self.values else ""
        return " ".join(part for part in (self.help, self.details, values) if part)

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """Values of other settings without which it is unused, the model's included."""
        found = {name: tuple(values) for name, values in self.only_with.items()}
        if self.argument is not None:
            found["model"] = models_with(self.argument)
        return found


def number(
    default: float | str | None,
    text: str,
    low: float,
    high: float = LARGEST,
    *,
    above: bool = False,
    below: bool = False,
    **more: Any,
) -> Any:
    """Declare a setting that is a number.

    Args:
        default: Its default.
        text: Its help.
        low: The smallest number.
        high: The largest number.
        above: Whether `low` itself is too small.
        below: Whether `high` itself is too large.
        **more: Further arguments of `Declaration`.
    """
    return _field(default, help=text, limits=Limits(low, high, above, below), **more)


def choice(default: Any, choices: Iterable[Any], text: str, **more: Any) -> Any:
    """Declare a setting that is one of some values.

    Args:
        default: Its default.
        choices: The values.
        text: Its help.
        **more: Further arguments of `Declaration`.
    """
    return _field(default, help=text, choices=choices, **more)


def switch(default: bool, text: str, **more: Any) -> Any:
    """Declare a setting that is on or off.

    Args:
        default: Whether it is on by default.
        text: Its help, as if it were on.
        **more: Further arguments of `Declaration`.
    """
    return _field(default, help=text, **more)


def word(default: str | None, text: str, **more: Any) -> Any:
    """Declare a setting that is any text, or the path of a file or folder.

    Args:
        default: Its default.
        text: Its help.
        **more: Further arguments of `Declaration`.
    """
    return _field(default, help=text, **more)


def _field(default: Any, **declared: Any) -> Any:
    return dataclasses.field(default=default, metadata={KEY: Declaration(**declared)})


def _stands_for(word: str, value: str) -> bool:
    return value.startswith(word[:-4]) if word.endswith(":NAME") else value == word


def kinds_of(kind: Any) -> tuple[Any, ...]:
    """Return the types of a union or list, or the one type.

    Args:
        kind: A type, or a union or list of types.
    """
    return typing.get_args(kind) or (kind,)


def describe(kind: Any) -> str:
    """Return what a value of some type is called.

    Args:
        kind: A type, or a union or list of types.
    """
    return " or ".join(KINDS[part] for part in kinds_of(kind) if part in KINDS)


def fits(value: Any, kind: Any) -> bool:
    """Say whether a value has a type, or one of a union of types.

    Args:
        value: The value.
        kind: The type or union.
    """
    kinds = kinds_of(kind)
    # For Python true is a number.
    if isinstance(value, bool):
        return bool in kinds
    return isinstance(value, tuple(_CLASSES.get(one, one) for one in kinds))
