"""Every field of the settings as a flag of a command line."""

import argparse
from collections.abc import Collection
from typing import Any

from kerasnorm.training.settings import parsing
from kerasnorm.training.settings.declaration import kinds_of
from kerasnorm.training.settings.settings import (
    DECLARED,
    FIELDS,
    OLD_NAMES,
    SECTIONS,
)
from kerasnorm.training.system import paths

# What stands behind a flag in `--help`, by the kind of its value.
METAVARS = {bool: "{true,false}", int: "N", float: "X", str: "TEXT"}


def add_settings(
    parser: parsing.Parser, skip: Collection[str] = (), *, hidden: bool = False
) -> None:
    """Add every setting but `app` as a flag, in sections.

    Args:
        parser: Where to.
        skip: Names of others that are left out.
        hidden: Whether `--help` leaves them out.
    """
    for section, names in SECTIONS.items():
        group = parser.add_argument_group(section)
        for name in names:
            if name not in {"app", *skip}:
                _add_setting(parser, group, name, hidden)
    parser.old_names |= {old: n for old, n in OLD_NAMES.items() if n in parser.kinds}


def _add_setting(parser: parsing.Parser, group: Any, name: str, hidden: bool) -> None:
    declared, field = DECLARED[name], FIELDS[name]
    values = f" [{declared.values}]" if declared.values else ""
    group.add_argument(
        f"--{name}",
        type=field.type,
        default=field.default,
        metavar=_metavar(name),
        help=argparse.SUPPRESS if hidden else f"{declared.help}{values}",
    )
    parser.kinds[name] = field.type
    if declared.reads or declared.writes:
        parser.checks[name] = paths.readable if declared.reads else paths.local


def _metavar(name: str) -> str | None:
    declared = DECLARED[name]
    if declared.reads or declared.writes:
        return "PATH"
    if declared.choices and declared.limits is None:
        return "NAME" if any(isinstance(one, str) for one in declared.choices) else "N"
    kinds = kinds_of(FIELDS[name].type)
    return METAVARS[next(kind for kind in METAVARS if kind in kinds)]
