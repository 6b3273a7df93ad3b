"""The space of a search: which settings vary, and what they are in one trial."""

import dataclasses
import difflib
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from kerasnorm.training import layering
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import OF_ONE_CALL
from tuning import parameters
from tuning.parameters import Choice, Parameter, Range, Value

# Scales all of these at once; 0 trains on the images as they are.
AUGMENTATION = "augmentation"
AUGMENTED = {
    "rotation_range": 180.0,
    "width_shift_range": 1.0,
    "height_shift_range": 1.0,
    "shear_range": 89.0,
    "zoom_range": 0.99,
    "color_jitter": 1.0,
}
# Settings where nothing means "off"; in a space, where all is a number, 0 does.
OFF_AT_ZERO = ("agc", "sam")
# They say where and for whom a run is, so they cannot differ between trials.
NEVER_SEARCHED = {"app", "data", "runs", "distribute", "epochs", *OF_ONE_CALL}
PLAIN_KINDS: dict[Any, Callable[[Any], Any]] = {int: int, float: float, bool: bool}
FIELDS = {field.name: field for field in dataclasses.fields(Settings)}


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
                for field, most in AUGMENTED.items():
                    changes[field] = min(float(value) * getattr(base, field), most)
            elif name in OFF_AT_ZERO:
                changes[name] = float(value) or None
            elif (kind := FIELDS[name].type) in PLAIN_KINDS:
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
        return {p.name: p.nearest(found[p.name]) for p in self.parameters}

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


def default_space(has_gpu: bool) -> Space:
    """Return what is searched where the user names nothing else.

    Args:
        has_gpu: Whether deep networks can be trained in reasonable time. Without one
            the network is the small `convnet`.
    """
    small = ("model", ("convnet",)) if has_gpu else None
    models = (Choice("model", ("convnet", "resnet", "nf_resnet")),) if has_gpu else ()
    return Space(
        (
            *models,
            Choice("norm", ("batch", "group", "frn", "switchable", "none")),
            Choice("width", (16, 32, 64), small),
            Choice("optimizer", ("sgd", "adam", "adamw", "muon", "ranger21")),
            Range("learning_rate", 3e-4, 3e-2, log=True),
            Range("weight_decay", 1e-4, 1e-1, log=True),
            Choice("agc", (0.0, 0.01, 0.02, 0.04, 0.08)),
            Choice("batch_size", (16, 32, 64)),
            Choice(AUGMENTATION, (0.0, 0.5, 1.0, 1.5)),
            Choice("label_smoothing", (0.0, 0.05, 0.1)),
            Range("dropout", 0.0, 0.5, step=0.1),
            Choice("schedule", ("constant", "cosine", "stable_decay")),
        )
    )


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
    given = layering.read_yaml(file, "--space")
    if not given:
        raise UsageError(f"expected `parameter: values` lines in {file}, received none")
    found = {parameter.name: parameter for parameter in space.parameters}
    for name, values in given.items():
        _check_name(str(name), file)
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
    kind = float if name == AUGMENTATION else FIELDS[name].type
    return set(typing.get_args(kind) or (kind,)) - {type(None)}


def _check_name(name: str, file: str) -> None:
    known = sorted({AUGMENTATION, *FIELDS} - NEVER_SEARCHED)
    if name in known:
        return
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
    raise UsageError(
        f"expected only settings that can be searched in {file}, received {name}; "
        f"{hint}"
    )
