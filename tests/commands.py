"""Every command of the project with its parser, for tests that hold for all of them."""

import contextlib
import dataclasses
import functools
import io
from collections.abc import Callable

import pytest

from apps.cats_dogs import APP
from kerasnorm import command_line, script_commands
from kerasnorm.training.commands import command_line as app_line
from kerasnorm.training.settings import parsing
from kerasnorm.training.settings.errors import UsageError
from tuning import results, search


@dataclasses.dataclass(frozen=True)
class Command:
    """A command as a function.

    Args:
        main: Takes words and returns the exit status.
        words: What it needs at least.
    """

    main: Callable[[list[str]], int]
    words: tuple[str, ...] = ()

    @functools.cached_property
    def parser(self) -> parsing.Parser:
        """The parser that the command makes."""
        seen = []

        def read(self, words):
            seen.append(self)
            raise UsageError("seen")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing.Parser, "read", read)
            with contextlib.redirect_stderr(io.StringIO()):
                self.main(list(self.words))
        return seen[0]


def _app(*name: str) -> Callable[[list[str]], int]:
    return lambda words: app_line.main(APP, [*name, *words])


def _kerasnorm(name: str) -> Callable[[list[str]], int]:
    return lambda words: command_line.main([name, *words])


def _run(words: list[str]) -> int:
    """Give the flags before the script: what follows it is its own."""
    own, script = [], []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            script.append(word)
            continue
        own.append(word)
        if word in script_commands.VALUED:
            own.append(next(rest))
    return command_line.main(["run", *own, *script])


_WORDS = {
    "lint": ("train.py",),
    "run": ("train.py",),
    "doctor": ("model.keras",),
    "scan": ("photos",),
    "shard": ("photos", "shards"),
    "cache": (),
    "swap": ("model.keras", "new.keras", "--to", "group"),
    "fold": ("model.keras", "new.keras"),
    "recalibrate": ("model.keras", "new.keras", "--data", "photos"),
}
# `kerasnorm train` and its like start these.
_PROGRAMS = {
    "train": Command(_app()),
    "evaluate": Command(_app("evaluate"), ("run",)),
    "predict": Command(_app("predict"), ("run", "photo.png")),
    "search": Command(search.main, ("--app", "cats_dogs", "--directory", "new")),
    "results": Command(results.main, ("directory",)),
}
COMMANDS = {
    **_PROGRAMS,
    **{
        name: Command(_kerasnorm(name), _WORDS[name])
        for name in command_line.COMMANDS
        if name not in _PROGRAMS
    },
    "run": Command(_run, _WORDS["run"]),
}


def flags_of(name: str) -> dict[str, object]:
    """Return the kinds of a command's flags and positionals, by name.

    Args:
        name: A key of `COMMANDS`.
    """
    return COMMANDS[name].parser.kinds
