"""The flags of a search: its own, and those of the app that all trials share."""

import argparse
import dataclasses
import importlib
import pkgutil
from collections.abc import Sequence
from importlib import resources
from typing import Any

from kerasnorm.programs import command_of, module_of
from kerasnorm.training.app import App, resolve, training_parser
from kerasnorm.training.settings import Settings, layering, parsing
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.flags import FIELDS, add_settings
from kerasnorm.training.settings.layering import Layer
from kerasnorm.training.system import backend, paths

from .plan import ALGORITHMS

DEFAULT_TRIALS = 20
# Here a switch: a search continues in its own --directory.
RESUME = "resume"
# What a search shares with the apps' command line, where it means the same.
OF_THE_APP = {*FIELDS, "preset"} - {RESUME, "app"}


@dataclasses.dataclass(frozen=True)
class Given:
    """What a command line asks for.

    Args:
        options: Values of the search's own flags.
        typed: Names of those that were given, by flag or file.
        settings: What is given of the app, what counts least first.
        sources: Where the value of each option is from.
        parser: What has read them.
    """

    options: argparse.Namespace
    typed: frozenset[str]
    settings: list[Layer]
    sources: dict[str, str]
    parser: parsing.Parser

    def check_existing(self) -> None:
        """Raise UsageError for a path to be read where there is nothing."""
        values, _ = layering.merge([*self.settings, Layer("", vars(self.options))])
        self.parser.checked(values, exist=True)

    @property
    def fixed(self) -> set[str]:
        """Settings that were given as flags, and so are the same in all trials."""
        return set(self.settings[-1].values) & set(FIELDS)

    def settings_of(self, app: App) -> tuple[Settings, dict[str, str]]:
        """Return the settings all trials begin with, and where each value is from.

        Args:
            app: The app that is searched.
        """
        return resolve(app, training_parser(app), self.settings)


def known_apps() -> list[str]:
    """Return the names of the apps whose settings can be searched: no studies."""
    apps = importlib.import_module(module_of("apps"))
    names = (module.name for module in pkgutil.iter_modules(apps.__path__))
    # Read, not imported: studies import what takes longer than `--help` may.
    sources = {
        name: resources.files(apps).joinpath(f"{name}.py").read_text("utf-8")
        for name in names
    }
    return [name for name, source in sources.items() if "\nAPP = " in source]


def read(words: Sequence[str]) -> Given:
    """Return what a command line asks for, by flags and `--config` files.

    Args:
        words: Words after `python -m tuning.search`.

    Raises:
        UsageError: If a flag, a file or a value cannot be used.
        SystemExit: After `--help`.
    """
    parser = make_parser()
    typed = parser.read(words)
    own = [_part(layer, lambda name: name not in OF_THE_APP) for layer in typed]
    defaults = {
        name: value
        for name, value in dict(vars(parser.get_defaults())).items()
        if name not in OF_THE_APP
    }
    values, sources = layering.merge([Layer("defaults", defaults), *own])
    given, _ = layering.merge(own)
    parser.checked(layering.merge(typed)[0])
    return Given(
        argparse.Namespace(**parser.checked(values)),
        frozenset(given),
        [_part(layer, OF_THE_APP.__contains__) for layer in typed],
        sources,
        parser,
    )


def _part(layer: Layer, belongs: Any) -> Layer:
    values = {name: v for name, v in layer.values.items() if belongs(name)}
    return Layer(layer.source, values)


def make_parser() -> parsing.Parser:
    """Return the parser of the flags that belong to the search itself."""
    parser = parsing.Parser(
        prog=command_of("tuning.search"),
        description="Search settings of an app with KerasTuner. All flags of the app "
        f"({command_of('apps.NAME')} --help) may be added; they are the same in every "
        "trial. The last line printed is the run directory of the best trial.",
    )
    add_settings(parser, skip={RESUME}, hidden=True)
    parser.add_value("--preset", str | None, argparse.SUPPRESS)
    parser.add_value("--app", str | None, f"One of {', '.join(known_apps())}.")
    parser.add_path(
        "--directory",
        "Where the search is kept; a shared folder for several machines.",
        check=paths.local,
    )
    parser.add_choice(
        "--algorithm", ALGORITHMS, "How values are chosen", default="random"
    )
    parser.add_number(
        "--trials",
        int | None,
        1,
        f"Most trials; {DEFAULT_TRIALS} if not given, all of them with hyperband and "
        "grid.",
    )
    parser.add_list(
        "--objective",
        "A figure of the report: val_loss, val_accuracy, images_per_second, "
        "parameters, gap, ..., perhaps with :min or :max behind it. Given twice, both "
        "count and the result is a Pareto table.",
        default=["val_loss"],
    )
    parser.add_path(
        "--space", "YAML file that narrows, fixes or extends what is searched."
    )
    parser.add_value(
        "--workers",
        int | str,
        "Trials at the same time; auto is one for each GPU, or one for each processor.",
        default="auto",
    )
    parser.checks["workers"] = _check_workers
    backend.add_flag(parser)
    parser.add_value("--resume", bool, "Continue with the search in --directory.")
    parser.add_number(
        "--deadline",
        float | None,
        0,
        "Minutes after which the search ends; --resume continues.",
        above=True,
    )
    parser.add_value(
        "--median_rule",
        bool,
        "End trials that do worse than half of the earlier ones at the same epoch; "
        "--no-median-rule switches it off.",
        default=True,
    )
    _add_process_flags(parser)
    return parser


def _add_process_flags(parser: parsing.Parser) -> None:
    """Add the flags on the processes of a search: failures, hangs and machines."""
    parser.add_number(
        "--max_failures",
        int,
        1,
        "Failed trials in a row that end the search.",
        default=5,
    )
    parser.add_number(
        "--hang_minutes",
        float,
        0,
        "A worker without progress for so long is replaced.",
        above=True,
        default=10.0,
    )
    parser.add_choice(
        "--role",
        ("chief", "worker"),
        "For a search on several machines; both if not given",
    )
    parser.add_value(
        "--address",
        str | None,
        "Where the chief listens, HOST:PORT; 127.0.0.1 and any port if not given. "
        "There is no password: whoever reaches it can steer the search.",
    )
    parser.add_value(
        "--chief", str | None, "Where the chief of --role worker listens, HOST:PORT."
    )


def _check_workers(value: Any, flag: str) -> Any:
    if value == "auto" or (isinstance(value, int) and value >= 1):
        return value
    raise UsageError(f"expected {flag} to be auto or 1 or more, received {value!r}")
