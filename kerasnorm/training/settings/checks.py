"""What the values of settings may be; raises one clear sentence for any other."""

import dataclasses
from typing import Any

from kerasnorm.model_kinds import known_values
from kerasnorm.training.settings import combinations
from kerasnorm.training.settings.declaration import KEY, describe, fits
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.spelling import flag_of


def check(settings: Any) -> None:
    """Raise UsageError for a value out of range, or values that contradict each other.

    Args:
        settings: The settings.
    """
    fields = dataclasses.fields(settings)
    for field in fields:
        value = getattr(settings, field.name)
        if not fits(value, field.type):
            raise UsageError(
                f"expected {flag_of(field.name)} to be {describe(field.type)}, "
                f"received {value!r}"
            )
    for field in fields:
        _check_value(settings, field)
    combinations.check(settings)


def _check_value(settings: Any, field: dataclasses.Field) -> None:
    value, declared = getattr(settings, field.name), field.metadata[KEY]
    if not declared.accepts(value):
        link = "" if declared.limits is not None else "to be one of "
        raise UsageError(
            f"expected {flag_of(field.name)} {link}{declared.values}, received "
            f"{value!r}"
        )
    known = known_values(settings.model, declared.argument)
    if known and value is not None and value not in known:
        raise UsageError(
            f"expected {flag_of(field.name)} to be one of "
            f"{', '.join(map(str, known))} with --model {settings.model}, received "
            f"{value!r}"
        )
