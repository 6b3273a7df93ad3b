"""Settings that the chosen model, norm or schedule does not use."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasnorm.model_kinds import find_model_kind, known_values
from kerasnorm.training.settings.declaration import Declaration
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.settings import DECLARED, Settings
from kerasnorm.training.settings.spelling import flag_of


def refuse_unused(settings: Settings, flags: Sequence[str]) -> None:
    """Raise UsageError for a flag that the chosen model, norm or schedule does not use.

    Args:
        settings: The settings.
        flags: Names of those that were given as flags.
    """
    values = vars(settings)
    for name in flags:
        unmet = _unmet(values, DECLARED[name])
        if unmet is not None:
            other, choices = unmet
            raise UsageError(
                f"expected {flag_of(name)} with {flag_of(other)} "
                f"{' or '.join(choices)}, received {flag_of(other)} "
                f"{values[other]}, which does not use it; leave {flag_of(name)} out"
            )


def unused_names(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that others leave without use.

    Args:
        values: All settings by name.
    """
    return [name for name, one in DECLARED.items() if _unmet(values, one) is not None]


def used_values(settings: Settings) -> dict[str, Any]:
    """Return what a report shows of the settings: those that others leave in use.

    Args:
        settings: The settings.
    """
    unused = unused_names(vars(settings))
    return {name: v for name, v in settings.to_dict().items() if name not in unused}


def inapplicable_names(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the settings that are unused or not for the chosen model.

    Args:
        values: All settings by name.
    """
    unfit = [
        name
        for name, declared in DECLARED.items()
        if (known := known_values(values["model"], declared.argument))
        and values[name] not in (None, *known)
    ]
    return [*unused_names(values), *unfit]


def _unmet(
    values: Mapping[str, Any], declared: Declaration
) -> tuple[str, tuple[str, ...]] | None:
    """Return a setting whose value leaves another one unused, and those that do not."""
    if declared.only_with_weights and values["weights"] is None:
        return "weights", ("pretrained", "imagenet", "FILE")
    for other, choices in declared.conditions.items():
        received = values[other]
        if other == "model":
            received = find_model_kind(received)
        if received not in choices:
            return other, choices
    return None
