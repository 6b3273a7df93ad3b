"""What `--help` shows: commands first, short texts, flags as people type them."""

import argparse
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import jsonargparse

from kerasnorm.training.settings.spelling import hyphens

# Where the texts begin.
COLUMN = 30


class Formatter(jsonargparse.DefaultHelpFormatter):
    """Leaves types out of the texts, which say what a value may be."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_help_position": COLUMN, **options})

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        is_flag = bool(action.option_strings) and action.nargs != 0
        is_off = any(action.default is one for one in (None, False, argparse.SUPPRESS))
        if not is_flag or is_off:
            return text
        if action.default is True:
            return f"{text} On unless {_negated(action.option_strings[0])}."
        return f"{text} (default: %(default)s)"

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _wrapped(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in _wrapped(text, width))


def as_typed(text: str) -> str:
    """Return a page of help with flags as people type them.

    Args:
        text: The page as jsonargparse writes it.
    """
    text = re.sub(r"--[a-z0-9]+(?:_[a-z0-9]+)+", lambda found: hyphens(found[0]), text)
    return text.replace(" {true,false}", "")


def with_commands(text: str, commands: Mapping[str, str]) -> str:
    """Return a page of help that lists the commands of the program before all flags.

    Args:
        text: The page.
        commands: What each command does, by its usage.
    """
    if not commands:
        return text
    lines = [f"  {usage:<{COLUMN - 2}}{what}" for usage, what in commands.items()]
    before, options, after = text.partition("\noptions:\n")
    return "\n".join([before, "commands:", *lines, options + after])


def _negated(flag: str) -> str:
    return f"--no-{flag[2:]}".replace("_", "-")


def _wrapped(text: str, width: int) -> list[str]:
    # A flag that is broken at its hyphens cannot be copied.
    return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)
