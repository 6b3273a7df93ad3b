"""Words of a command line and YAML files to checked values, for all commands."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NoReturn

import jsonargparse

from kerasnorm.training.settings import (
    help_page,
    layering,
    old_names,
    spelling,
    yaml_files,
)
from kerasnorm.training.settings.declaration import LARGEST, describe
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.layering import FLAGS, OF_THE_PARSER, Layer
from kerasnorm.training.settings.spelling import hyphens, normalize
from kerasnorm.training.settings.version import upgraded
from kerasnorm.training.system import paths


class Parser(jsonargparse.ArgumentParser):
    """A parser that raises one sentence and writes hyphens in its help.

    Every command takes `--config FILE`s: flags count more, later files beat others.
    """

    def __init__(
        self, *args: Any, commands: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, formatter_class=help_page.Formatter, **options)
        # What each command of the program does, by its usage.
        self.commands = commands or {}
        self.kinds: dict[str, Any] = {}
        self.old_names: dict[str, str] = {}
        self.required: list[str] = []
        self.checks: dict[str, Callable[[Any, str], Any]] = {}
        self.fetched: list[str] = []
        self.add_argument(
            "--config",
            action="append",
            type=str,
            metavar="FILE",
            help="YAML file with flags as keys, such as a run's settings.yaml. May be "
            "repeated; later files count more, flags most.",
        )
        self.add_value(
            "--print_config", bool, "Print the values, and on stderr their origin."
        )

    def add_value(self, name: str, kind: Any, text: str, **options: Any) -> None:
        """Add an argument of a kind; a switch (`bool`) is off if not given.

        Args:
            name: `--flag_name`, or the name of a positional.
            kind: Its type.
            text: Its help.
            **options: Further arguments of `add_argument`, and `required`.
        """
        if kind is bool:
            options.setdefault("default", False)
        if options.pop("required", False):
            # A file may say it, too.
            self.required.append(name.lstrip("-"))
        self.add_argument(name, type=kind, help=text, **options)
        self.kinds[name.lstrip("-")] = kind

    def add_number(
        self,
        name: str,
        kind: Any,
        low: float,
        text: str,
        *,
        above: bool = False,
        **options: Any,
    ) -> None:
        """Add a number that is at least so large and finite.

        Args:
            name: `--flag_name`.
            kind: `int` or `float`.
            low: The smallest number.
            text: Its help.
            above: Whether `low` itself is too small.
            **options: Further arguments of `add_argument`.
        """
        self.add_value(name, kind, text, **options)
        limit = f"above {low}" if above else f"{low} or more"

        def check(value: Any, flag: str) -> Any:
            if not low <= value <= LARGEST or (above and value == low):
                raise UsageError(f"expected {flag} {limit}, received {value!r}")
            return value

        self.checks[name.lstrip("-")] = check

    def add_choice(
        self, name: str, values: Collection[str], text: str, **options: Any
    ) -> None:
        """Add one of some words.

        Args:
            name: `--flag_name`.
            values: The words.
            text: Its help, without the words and the full stop.
            **options: Further arguments of `add_argument`.
        """
        words = ", ".join(values)
        kind = str if "default" in options else str | None
        self.add_value(name, kind, f"{text}: {words}.", **options)

        def check(value: Any, flag: str) -> Any:
            if value not in values:
                raise UsageError(
                    f"expected {flag} to be one of {words}, received {value!r}"
                )
            return value

        self.checks[name.lstrip("-")] = check

    def add_list(self, name: str, text: str, **options: Any) -> None:
        """Add words that are collected where the flag is given more than once.

        Args:
            name: `--flag_name`.
            text: Its help.
            **options: Further arguments of `add_argument`.
        """
        self.add_argument(name, action="append", type=str, help=text, **options)
        self.kinds[name.lstrip("-")] = list[str]

    def add_path(
        self,
        name: str,
        text: str,
        *,
        check: Callable[[Any, str], str] = paths.readable,
        fetch: bool = False,
        **options: Any,
    ) -> None:
        """Add the path of a file or folder, or of several.

        Args:
            name: `--flag_name`, or the name of a positional.
            text: Its help.
            check: `paths.readable` for what is read, `paths.output` for a file and
                `paths.local` for a folder to be written.
            fetch: Whether a URL is replaced by the path of its copy; data keep it.
            **options: Further arguments of `add_argument`.
        """
        is_optional = name.startswith("--") and "required" not in options
        self.add_value(name, str, text, **options)
        name = name.lstrip("-")
        if "nargs" in options:
            self.kinds[name] = list[str]
        elif is_optional:
            self.kinds[name] = str | None
        self.checks[name] = check
        self.fetched += [name] * fetch

    def read(self, words: Sequence[str]) -> list[Layer]:
        """Return what files and flags say, what counts least first.

        Args:
            words: Words of the command line.

        Raises:
            UsageError: If a flag, a file or a value cannot be used.
            SystemExit: After `--help`.
        """
        spelled = normalize(
            old_names.renamed_flags(words, self.old_names),
            [name for name, kind in self.kinds.items() if kind is bool],
        )
        self._refuse_unknown(spelled)
        given = dict(vars(self.parse_args(spelled, defaults=False)))
        for name, value in given.items():
            word = spelling.last_word(spelled, name)
            if isinstance(value, int | float) and word and ":" in word:
                # For YAML 1:30 is 90.
                raise self._wrong_kind(name, word)
            # For YAML `~` and `#1` are nothing, too; as words they are names.
            if value is None and word is not None and word != "null":
                given[name] = word
        files = given.pop("config", None) or []
        return [
            *(self._read_file(file) for file in files),
            Layer(FLAGS, given),
        ]

    def parse(self, words: Sequence[str]) -> Any:
        """Return the checked values of a command line as a namespace.

        Args:
            words: Words of the command line.

        Raises:
            UsageError: If a flag, a file or a value cannot be used.
            SystemExit: After `--help` and `--print_config`.
        """
        defaults = dict(vars(self.get_defaults()))
        values, sources = layering.merge(
            [Layer("defaults", defaults), *self.read(words)]
        )
        missing = [self._shown(name) for name in self.required if values[name] is None]
        if missing:
            raise UsageError(f"expected {' and '.join(missing)}, received none")
        values = self.checked(values)
        if values["print_config"]:
            layering.print_config(values, sources)
        values = self.checked(values, exist=True)
        for name in self.fetched:
            values[name] = paths.fetched(values[name], self._shown(name))
        return jsonargparse.Namespace(**values)

    def checked(self, values: dict[str, Any], *, exist: bool = False) -> dict[str, Any]:
        """Return values as their checks leave them: numbers in range, `~` written out.

        Args:
            values: The values by name.
            exist: Whether what is to be read has to be there.

        Raises:
            UsageError: If one cannot be used.
        """
        result = dict(values)
        for name, check in self.checks.items():
            check = paths.existing if exist and check is paths.readable else check
            value, flag = values.get(name), self._shown(name)
            if isinstance(value, list):
                result[name] = [check(item, flag) for item in value]
            elif value is not None:
                result[name] = check(value, flag)
        return result

    def error(self, message: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise instead of printing the usage of forty flags."""
        raise UsageError(self._one_sentence(message))

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Write flags as people type them, the commands of the program first."""
        return help_page.with_commands(
            help_page.as_typed(super().format_help(*args, **kwargs)), self.commands
        )

    def _read_file(self, file: str) -> Layer:
        copy = paths.fetched(file, "--config")
        values = upgraded(yaml_files.read_yaml(copy, "--config", as_typed=True), file)
        values = old_names.renamed(values, self.old_names)
        unknown = sorted(
            str(key) for key in values if key not in self.kinds or key in OF_THE_PARSER
        )
        if unknown:
            raise UsageError(
                f"expected only known settings in {file}, received {', '.join(unknown)}"
            )
        return Layer(
            file,
            {
                name: layering.typed(name, self.kinds[name], value, file)
                for name, value in values.items()
            },
        )

    def _refuse_unknown(self, words: list[str]) -> None:
        known = {option for action in self._actions for option in action.option_strings}
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in known:
                close = [hyphens(one) for one in spelling.similar_flags(flag, known)]
                hint = f"did you mean {' or '.join(close)}?" if close else "see --help"
                raise UsageError(
                    "expected known flags, received unknown flag "
                    f"{hyphens(flag)}; {hint}"
                )

    def _shown(self, name: str) -> str:
        options = {o for action in self._actions for o in action.option_strings}
        return hyphens(f"--{name}") if f"--{name}" in options else name

    def _one_sentence(self, message: str) -> str:
        message = " ".join(message.split())
        found = re.match(r'(?:Parser key "(\w+)"|argument --(\w+)): (.*)', message)
        if not found:
            return message
        name = found[1] or found[2]
        value = re.search(r"(?:Got|Given) value: (.*)$", found[3])
        if value is None or name not in self.kinds:
            return f"{self._shown(name)}: {found[3]}"
        return str(self._wrong_kind(name, value[1]))

    def _wrong_kind(self, name: str, word: str) -> UsageError:
        return UsageError(
            f"expected {self._shown(name)} to be {describe(self.kinds[name])}, "
            f"received {word!r}"
        )
