"""Searches settings: `python -m tuning.search --app cats_dogs --directory DIR`.

Flags of the app are fixed for all trials; what is not fixed and in the space varies.
"""

import argparse
import dataclasses
import importlib
import pathlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import apps
from kerasnorm.training import command_line, flags
from kerasnorm.training.errors import UsageError
from tuning import objectives, processes, roles, spaces
from tuning.plan import ALGORITHMS, Plan, SearchDirectory

DEFAULT_TRIALS = 20
# They may change when a search goes on.
CHANGEABLE = ("trials", "median_rule", "max_failures", "hang_minutes")
# A search decides these for its trials.
NOT_FOR_TRIALS = ("name", "runs", "app")


class Parser(argparse.ArgumentParser):
    """A parser that raises one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage.

        Args:
            message: What is wrong.
        """
        raise UsageError(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of a search.

    Args:
        argv: Words after `python -m tuning.search`; those of this process if None.

    Returns:
        Exit status: 0, 1 for a failure, 2 for wrong usage, 130 or so after a signal.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    status = 0

    def command() -> None:
        nonlocal status
        status = run(words)

    failed = command_line.in_one_sentence(command, debug="--debug" in words)
    return failed or status


def run(words: list[str]) -> int:
    """Begin a search, go on with one, or lend it workers.

    Args:
        words: The flags.

    Returns:
        Exit status.
    """
    options, rest = make_parser().parse_known_args(words)
    if options.directory is None:
        raise UsageError("expected --directory DIR, where the search is to be kept")
    directory = SearchDirectory(pathlib.Path(options.directory).resolve())
    if options.role == "worker":
        if options.chief is None or rest:
            raise UsageError(
                "expected --role worker with --chief HOST:PORT and --directory only, "
                f"received {' '.join(words)}"
            )
        return roles.lend_workers(directory, options)
    if options.resume:
        plan = _resumed(directory, options, rest)
    else:
        plan = make_plan(options, rest)
        if directory.plan_file.exists():
            raise UsageError(
                f"expected a new --directory, received {options.directory}, which "
                "holds a search; go on with it by --resume, or name another"
            )
    return roles.lead(plan, directory, options)


def make_plan(options: argparse.Namespace, rest: list[str]) -> Plan:
    """Return the plan that a command line asks for.

    Args:
        options: The flags of the search.
        rest: The flags of the app.

    Raises:
        UsageError: If a flag or value cannot be used.
    """
    if options.app is None:
        raise UsageError(f"expected --app, one of {', '.join(_known_apps())}")
    if options.app not in _known_apps():
        raise UsageError(
            f"expected --app to be one of {', '.join(_known_apps())}, received "
            f"{options.app!r}"
        )
    app = importlib.import_module(f"apps.{options.app}").APP
    fixed = _given(rest)
    wrong = [name for name in NOT_FOR_TRIALS if name in fixed]
    if wrong:
        raise UsageError(
            f"expected no --{wrong[0]}: the trials lie below --directory, received "
            f"{' '.join(rest)}"
        )
    settings = flags.parse_training(app, rest)
    if "examine" not in fixed:
        # The doctor looks at the best one when an app trains it anew.
        settings = settings.replace(examine=False)
    settings = settings.replace(name=None, resume=None)
    space = spaces.default_space(has_gpu=bool(processes.gpus()))
    if options.space is not None:
        space = spaces.read_space(options.space, space)
    if fixed & set(spaces.AUGMENTED):
        # A range given by hand would be scaled, too.
        fixed.add(spaces.AUGMENTATION)
    space, settings = space.without(fixed).fix_single_values(settings)
    space.checked(settings)
    trials = options.trials
    if trials is None and options.algorithm not in ("hyperband", "grid"):
        trials = DEFAULT_TRIALS
    return Plan(
        settings=settings,
        space=space,
        objectives=objectives.parse(
            [name for names in options.objective for name in names.split(",")]
        ),
        algorithm=options.algorithm,
        trials=trials,
        median_rule=options.median_rule,
        max_failures=options.max_failures,
        hang_minutes=options.hang_minutes,
        seed=settings.seed,
    )


def _resumed(
    directory: SearchDirectory, options: argparse.Namespace, rest: list[str]
) -> Plan:
    before = directory.read_plan()
    given = options.given - {"app"}
    if rest or given & {"space", "objective", "algorithm"}:
        # The same command line with --resume behind it is welcome.
        options.app = options.app or before.settings.app
        now = make_plan(options, rest)
        for name in ("settings", "space", "objectives", "algorithm", "seed"):
            if getattr(now, name) != getattr(before, name):
                raise UsageError(
                    f"expected --resume with the {name} the search began with, "
                    "received others; only --trials, --workers, --deadline, "
                    "--median-rule, --max-failures and --hang-minutes may change"
                )
    changes = {name: getattr(options, name) for name in CHANGEABLE if name in given}
    return dataclasses.replace(before, **changes)


def _given(rest: list[str]) -> set[str]:
    words = (word for word in flags.normalize(rest) if word.startswith("--"))
    return {word[2:].partition("=")[0] for word in words} & set(flags.FIELDS)


def _known_apps() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(apps.__path__)]


class _Noted(argparse.Action):
    """Stores a value and that it was given."""

    def __call__(
        self, parser: Any, namespace: Any, values: Any, option_string: Any = None
    ) -> None:
        namespace.given = {*namespace.given, self.dest}
        if isinstance(self.default, list):
            before = getattr(namespace, self.dest)
            values = [*(before if before is not self.default else []), values]
        if self.nargs == 0:
            values = not str(option_string).startswith("--no-")
        setattr(namespace, self.dest, values)


def make_parser() -> Parser:
    """Return the parser of the flags that belong to the search itself."""
    parser = Parser(
        prog="python -m tuning.search",
        description="Search settings of an app with KerasTuner. All flags of the app "
        "(python -m apps.NAME --help) may be added; they are the same in every trial. "
        "The last line printed is the run directory of the best trial.",
        allow_abbrev=False,
    )
    parser.set_defaults(given=set())

    def add(flag: str, text: str, **options: Any) -> None:
        parser.add_argument(flag, action=_Noted, help=text, **options)

    add("--app", f"One of {', '.join(_known_apps())}.")
    add(
        "--directory", "Where the search is kept; a shared folder for several machines."
    )
    add(
        "--algorithm",
        f"One of {', '.join(ALGORITHMS)}; random if not given.",
        choices=ALGORITHMS,
        default="random",
    )
    add(
        "--trials",
        f"Most trials; {DEFAULT_TRIALS} if not given, all of them with hyperband and "
        "grid.",
        type=_at_least_one,
    )
    add(
        "--objective",
        "A figure of the report: val_loss, val_accuracy, images_per_second, "
        "parameters, gap, ..., perhaps with :min or :max behind it. Given twice, both "
        "count and the result is a Pareto table. val_loss if not given.",
        default=["val_loss"],
    )
    add("--space", "YAML file that narrows, fixes or extends what is searched.")
    add(
        "--workers",
        "Trials at the same time; auto (if not given) is one for each GPU, or one for "
        "each processor.",
        default="auto",
    )
    parser.add_argument(
        "--resume", action="store_true", help="Go on with the search in --directory."
    )
    add(
        "--deadline",
        "Minutes after which the search ends; --resume goes on.",
        type=float,
    )
    add(
        "--median-rule",
        "End trials that do worse than half of the earlier ones at the same epoch "
        "(on if not given; --no-median-rule switches it off).",
        nargs=0,
        default=True,
    )
    parser.add_argument(
        "--no-median-rule",
        action=_Noted,
        nargs=0,
        dest="median_rule",
        default=True,
        help=argparse.SUPPRESS,
    )
    add(
        "--max-failures",
        "Failed trials in a row that end the search; 5 if not given.",
        type=_at_least_one,
        default=5,
    )
    add(
        "--hang-minutes",
        "A worker without progress for so long is replaced; 10 if not given.",
        type=float,
        default=10.0,
    )
    add(
        "--role",
        "chief or worker, for a search on several machines; both if not given.",
        choices=("chief", "worker"),
    )
    add(
        "--address",
        "Where the chief listens, HOST:PORT; 127.0.0.1 and any port if not given. "
        "There is no password: whoever reaches it can steer the search.",
    )
    add("--chief", "Where the chief of --role worker listens, HOST:PORT.")
    return parser


def _at_least_one(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number, 1 or more, received {word!r}"
        )
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
