"""The commands of `kerasnorm` that train, search, and use finished runs."""

import importlib.util
import runpy
import sys

from kerasnorm import programs
from kerasnorm.training.commands.command_line import evaluate_command, predict_command
from kerasnorm.training.settings.errors import UsageError


def train(words: list[str]) -> int:
    """Start an app, or the one for any images where none is named."""
    named = words[:1] if words and not words[0].startswith("-") else ["image_folder"]
    return _start(f"apps.{named[0]}", words[1:] if words[:1] == named else words)


def search(words: list[str]) -> int:
    """Start a search."""
    return _start("tuning.search", words)


def results(words: list[str]) -> int:
    """Show a search."""
    return _start("tuning.results", words)


def _start(program: str, words: list[str]) -> int:
    """Run a program as `python -m` does: it stands above this package."""
    module = programs.module_of(program)
    if importlib.util.find_spec(module) is None:
        app = program.rpartition(".")[2]
        raise UsageError(
            f"expected the name of an app after train, or flags, received {app!r}; "
            "there is `kerasnorm train --data FOLDER` for any images"
        )
    sys.argv = [module, *words]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def evaluate(words: list[str]) -> int:
    """Measure a finished run."""
    evaluate_command("kerasnorm evaluate", words)
    return 0


def predict(words: list[str]) -> int:
    """Tell what images show, by a finished run."""
    predict_command("kerasnorm predict", words)
    return 0
