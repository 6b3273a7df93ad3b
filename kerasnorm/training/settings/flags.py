"""Every field of the settings as a flag of a command line."""

import argparse
import dataclasses
from collections.abc import Collection

from kerasnorm.training.settings import Settings, parsing
from kerasnorm.training.system import paths

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
# What is only read, and what is written to.
READ = ("data", "weights", "split")
PATHS = (*READ, "runs", "resume")


def add_settings(
    parser: parsing.Parser, skip: Collection[str] = (), *, hidden: bool = False
) -> None:
    """Add every setting but `app` as a flag.

    Args:
        parser: Where to.
        skip: Names of others that are left out.
        hidden: Whether `--help` leaves them out.
    """
    skip = {"app", *skip}
    before = set(parser._actions)
    parser.add_class_arguments(Settings, None, skip=skip)
    if hidden:
        for action in set(parser._actions) - before:
            action.help = argparse.SUPPRESS
    added = [name for name in FIELDS if name not in skip]
    parser.kinds |= {name: FIELDS[name].type for name in added}
    for name in PATHS:
        if name in added:
            parser.checks[name] = paths.readable if name in READ else paths.local
