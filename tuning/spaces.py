"""The space of a search: which settings vary, and what they are in one trial."""

import dataclasses
import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kerasnorm.training.settings import Settings, yaml_files
from kerasnorm.training.settings.declaration import kinds_of
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import DECLARED, FIELDS, OLD_NAMES

from . import parameters
from .parameters import Choice, Parameter, Value

# Scales all of these at once; 0 trains on the images as they are.
AUGMENTATION = "augmentation"
PLAIN_KINDS: dict[Any, Callable[[Any], Any]] = {int: int, float: float, bool: bool}


@dataclasses.dataclass(frozen=True)
class Space:
    """The parameters of a search, by name, in a fixed order.

    Args:
        parameters: What varies; names of settings, or `augmentation`.

    Example:
        >>> space = Space((Choice("norm", ("batch", "group")),))
        >>> space.settings(Settings(), {"norm": "group"}).norm
        'group'
    """

    parameters: tuple[Parameter, ...]

    def settings(self, base: Settings, values: Mapping[str, Any]) -> Settings:
        """Return the settings of one trial.

        Args:
            base: What all trials have in common.
            values: Value of each parameter; those that are not in it stay.

        Raises:
            UsageError: If the values contradict each other.
        """
        changes: dict[str, Any] = {}
        for name in (p.name for p in self.parameters if p.name in values):
            value = values[name]
            if name == AUGMENTATION:
                changes |= _scaled(base, float(value))
            elif is_off_at_zero(name):
                changes[name] = float(value) or None
            elif (kind := kind_of(name)) in PLAIN_KINDS:
                changes[name] = PLAIN_KINDS[kind](value)
            else:
                changes[name] = value
        return base.replace(**changes)

    def own_values(self, values: Mapping[str, Any]) -> dict[str, Value]:
        """Return the values of a trial as the parameters declare them.

        Args:
            values: What KerasTuner says, with what Hyperband adds.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        return {n: known[n].own(v) for n, v in values.items() if n in known}

    def without(self, names: Collection[str]) -> "Space":
        """Return a space without some parameters.

        Args:
            names: What is fixed by other means.
        """
        fixed = set(names)
        kept = [p for p in self.parameters if p.name not in fixed]
        names = {p.name for p in kept}
        return Space(
            tuple(
                # A condition on what is no longer searched would never be met.
                dataclasses.replace(p, when=None)
                if p.when is not None and p.when[0] not in names
                else p
                for p in kept
            )
        )

    def fix_single_values(self, base: Settings) -> tuple["Space", Settings]:
        """Turn parameters that have only one value into settings of all trials.

        Args:
            base: What all trials have in common.

        Returns:
            The space of the other parameters, and the settings.
        """
        single = {
            p.name: p.values[0]
            for p in self.parameters
            if isinstance(p, Choice) and len(p.values) == 1
        }
        return self.without(single), self.settings(base, single)

    def checked(self, base: Settings) -> "Space":
        """Return the space if each of its values is possible.

        Args:
            base: What all trials have in common.

        Raises:
            UsageError: If a value is not, or there is nothing to search.
        """
        if not self.parameters:
            raise UsageError(
                "expected something to search, but every parameter is fixed; leave out "
                "a flag, or name parameters in --space"
            )
        for parameter in self.parameters:
            for value in parameter.extremes():
                try:
                    self.settings(base, {parameter.name: value})
                except UsageError as error:
                    raise UsageError(f"{error} (in the space of the search)") from None
        return self

    def defaults(self, base: Settings) -> dict[str, Value]:
        """Return the value of each parameter that is nearest to the app's settings.

        Args:
            base: What all trials have in common.
        """
        found = {AUGMENTATION: 1.0, **dataclasses.asdict(base)}
        return {
            p.name: p.nearest(found[OLD_NAMES.get(p.name, p.name)])
            for p in self.parameters
        }

    def to_list(self) -> list[dict[str, Any]]:
        """Return the space as plain values."""
        return [parameters.to_dict(parameter) for parameter in self.parameters]

    @classmethod
    def from_list(cls, values: list[dict[str, Any]]) -> "Space":
        """Make a space from what `to_list` returned.

        Args:
            values: The plain values.
        """
        return cls(tuple(parameters.from_dict(item) for item in values))


def read_space(file: str, space: Space) -> Space:
    """Narrow, fix or extend a space by a YAML file.

    Args:
        file: Name of the file. Each line is a setting or `augmentation`, and a list
            of values, `{min: .., max: .., step: .., log: true}`, one value to fix it,
            or `null` to leave it as the app has it.
        space: What is searched where the file says nothing.

    Raises:
        UsageError: If the file cannot be read or names what cannot be searched.

    Example:
        ```yaml
        norm: [batch, group]                              # narrowed
        optimizer: adamw                                  # fixed
        schedule: null                                    # as the app has it
        zoom_range: {min: 0.0, max: 0.5}                  # added
        learning_rate: {min: 1e-4, max: 1e-2, log: true}
        ```
    """
    given = yaml_files.read_yaml(file, "--space")
    if not given:
        raise UsageError(f"expected `parameter: values` lines in {file}, received none")
    found = {parameter.name: parameter for parameter in space.parameters}
    for name, values in given.items():
        name = OLD_NAMES.get(str(name), str(name))
        _check_name(name, file)
        whole = _kinds_of(name) == {int}
        parameter = parameters.parse(name, values, whole=whole)
        _check_kinds(parameter, values)
        if parameter is None:
            found.pop(name, None)
            continue
        before = found.get(name)
        found[name] = dataclasses.replace(
            parameter, when=before.when if before is not None else None
        )
    return Space(tuple(found.values())).without(())


def _check_kinds(parameter: Parameter | None, given: Any) -> None:
    """Refuse words for numbers and the like, with the name of the parameter."""
    if parameter is None:
        return
    name = parameter.name
    kinds = _kinds_of(name)
    if float in kinds:
        kinds.add(int)
    values = parameter.values if isinstance(parameter, Choice) else (parameter.low,)
    wrong = [value for value in values if type(value) not in kinds]
    if wrong:
        words = {bool: "true or false", str: "a word", int: "a number"}
        expected = [word for kind, word in words.items() if kind in kinds]
        raise UsageError(
            f"expected {' or '.join(expected)} for {name} in the space, received "
            f"{wrong[0]!r} in {given!r}"
        )


def _kinds_of(name: str) -> set[Any]:
    kind = float if name == AUGMENTATION else kind_of(name)
    return set(kinds_of(kind)) - {type(None)}


def _check_name(name: str, file: str) -> None:
    known = sorted({AUGMENTATION, *searchable_names()})
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    raise UsageError(
        f"expected only settings that can be searched in {file}, received {name}; "
        f"{hint}"
    )


def _scaled(base: Settings, factor: float) -> dict[str, float]:
    """Return each strength of augmentation times a factor, within its limit."""
    return {
        name: min(factor * getattr(base, name), float(declared.limits.high))
        for name, declared in DECLARED.items()
        if declared.is_strength and declared.limits is not None
    }


def searchable_names() -> list[str]:
    """Return the names of the settings in which trials may differ.

    The others say where and for whom a run is.
    """
    return [
        name
        for name, declared in DECLARED.items()
        if declared.is_searchable and not declared.is_of_one_call
    ]


def is_off_at_zero(name: str) -> bool:
    """Say whether a setting has null for "off" where a space, all numbers, has 0.

    Args:
        name: Name of the setting.
    """
    limits = DECLARED[OLD_NAMES.get(name, name)].limits
    has_null = type(None) in kinds_of(kind_of(name))
    return has_null and limits is not None and limits.above and limits.low == 0


def kind_of(name: str) -> Any:
    """Return the type of a setting, or a union of types.

    Args:
        name: Its name, or one that it had.
    """
    return FIELDS[OLD_NAMES.get(name, name)].type
