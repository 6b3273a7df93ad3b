"""The flags of a search: what they are called, what they take, and what was given."""

import argparse
import math
import pkgutil
from typing import Any, NoReturn

import apps
from kerasnorm.training.errors import UsageError
from tuning.plan import ALGORITHMS

DEFAULT_TRIALS = 20


class Parser(argparse.ArgumentParser):
    """A parser that raises one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage.

        Args:
            message: What is wrong.
        """
        raise UsageError(message)


def known_apps() -> list[str]:
    """Return the names of the apps there are."""
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

    add("--app", f"One of {', '.join(known_apps())}.")
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
        type=_above_zero,
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
        type=_above_zero,
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


def _above_zero(word: str) -> float:
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(
            f"expected a number above 0, received {word!r}"
        )
    return number
