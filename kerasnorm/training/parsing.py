"""Words of a command line and YAML files to checked values: one way for all commands.

jsonargparse spells flags with underscores and wants a value after every flag; people
type `--image-size 96 --quiet`. This file stands between the two.
"""

import difflib
import math
import re
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

import jsonargparse

from kerasnorm.training import paths
from kerasnorm.training.errors import UsageError
from kerasnorm.training.layering import (
    FLAGS,
    OF_THE_PARSER,
    Layer,
    merge,
    print_config,
    read_yaml,
)
from kerasnorm.training.settings_version import upgraded

KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    type(None): "null",
}


class Parser(jsonargparse.ArgumentParser):
    """A parser that raises one sentence and writes hyphens in its help.

    Every command takes `--config FILE`, any number of times: flags count more than
    files, later files more than earlier ones, wherever they stand.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kinds: dict[str, Any] = {}
        self.checks: dict[str, Callable[[Any, str], Any]] = {}
        self.add_argument(
            "--config",
            action="append",
            type=str,
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
            **options: Further arguments of `add_argument`.
        """
        if kind is bool:
            options.setdefault("default", False)
        self.add_argument(name, type=kind, help=text, **options)
        self.kinds[name.lstrip("-")] = kind

    def add_number(
        self, name: str, kind: Any, low: float, text: str, **options: Any
    ) -> None:
        """Add a number that is at least so large and finite.

        Args:
            name: `--flag_name`.
            kind: `int` or `float`.
            low: The smallest number.
            text: Its help.
            **options: Further arguments of `add_argument`.
        """
        self.add_value(name, kind, text, **options)

        def check(value: Any, flag: str) -> Any:
            if value is not None and not low <= value < math.inf:
                raise UsageError(f"expected {flag} {low} or more, received {value!r}")
            return value

        self.checks[name.lstrip("-")] = check

    def add_path(
        self, name: str, text: str, *, new: bool = False, **options: Any
    ) -> None:
        """Add the path of a file or folder, or of several.

        Args:
            name: `--flag_name`, or the name of a positional.
            text: Its help.
            new: Whether it is a file to be written.
            **options: Further arguments of `add_argument`.
        """
        self.add_value(name, str, text, **options)
        self.checks[name.lstrip("-")] = paths.output if new else paths.local

    def read(self, words: Sequence[str]) -> list[Layer]:
        """Return what files and flags say, what counts least first.

        Args:
            words: Words of the command line.

        Raises:
            UsageError: If a flag, a file or a value cannot be used.
            SystemExit: After `--help`.
        """
        spelled = normalize(
            words, [n for n, kind in self.kinds.items() if kind is bool]
        )
        self._refuse_unknown(spelled)
        given = dict(vars(self.parse_args(spelled, defaults=False)))
        files = given.pop("config", None) or []
        return [*(self._read_file(file) for file in files), Layer(FLAGS, given)]

    def parse(self, words: Sequence[str]) -> Any:
        """Return the checked values of a command line as a namespace.

        Args:
            words: Words of the command line.

        Raises:
            UsageError: If a flag, a file or a value cannot be used.
            SystemExit: After `--help` and `--print_config`.
        """
        defaults = dict(vars(self.get_defaults()))
        values, sources = merge([Layer("defaults", defaults), *self.read(words)])
        values = self.checked(values)
        if values["print_config"]:
            print_config(values, sources)
        return jsonargparse.Namespace(**values)

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values as their checks leave them: numbers in range, `~` written out.

        Args:
            values: The values by name.

        Raises:
            UsageError: If one cannot be used.
        """
        result = dict(values)
        for name, check in self.checks.items():
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
        """Write flags as people type them."""
        text = super().format_help(*args, **kwargs)
        text = re.sub(r"--[a-z]+(?:_[a-z]+)+", lambda f: hyphens(f[0]), text)
        return text.replace(" {true,false}", "")

    def _read_file(self, file: str) -> Layer:
        values = upgraded(read_yaml(paths.local(file, "--config")), file)
        unknown = sorted(
            str(key) for key in values if key not in self.kinds or key in OF_THE_PARSER
        )
        if unknown:
            raise UsageError(
                f"expected only known settings in {file}, received {', '.join(unknown)}"
            )
        for name, value in values.items():
            if value is None and type(None) not in typing.get_args(self.kinds[name]):
                raise UsageError(
                    f"expected {name} in {file} to be {self._kind(name)}, received "
                    "nothing behind the colon"
                )
        try:
            parsed = self.parse_object(values, defaults=False)
        except UsageError as error:
            raise UsageError(f"in {file}: {error}") from None
        return Layer(file, dict(vars(parsed)))

    def _refuse_unknown(self, words: list[str]) -> None:
        known = {option for action in self._actions for option in action.option_strings}
        for word in words:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in known:
                close = difflib.get_close_matches(flag, known, n=1)
                hint = f"did you mean {hyphens(close[0])}?" if close else "see --help"
                raise UsageError(f"unknown flag {hyphens(flag)}; {hint}")

    def _shown(self, name: str) -> str:
        options = {o for action in self._actions for o in action.option_strings}
        return hyphens(f"--{name}") if f"--{name}" in options else name

    def _kind(self, name: str) -> str:
        kind = self.kinds[name]
        kinds = [part for part in typing.get_args(kind) or [kind] if part in KINDS]
        return " or ".join(KINDS[part] for part in kinds)

    def _one_sentence(self, message: str) -> str:
        message = " ".join(message.split())
        found = re.match(r'(?:Parser key "(\w+)"|argument --(\w+)): (.*)', message)
        if not found:
            return message
        name = found[1] or found[2]
        value = re.search(r"(?:Got|Given) value: (.*)$", found[3])
        if value is None or name not in self.kinds:
            return f"{self._shown(name)}: {found[3]}"
        return (
            f"expected {self._shown(name)} to be {self._kind(name)}, received "
            f"{value[1]!r}"
        )


def normalize(argv: Sequence[str], switches: Collection[str]) -> list[str]:
    """Spell flags as jsonargparse does: underscores, and a value for every switch.

    Args:
        argv: Words of a command line.
        switches: Names of the flags that need no value.

    Example:
        >>> normalize(["--image-size", "96", "--quiet", "--no-quiet"], ["quiet"])
        ['--image_size', '96', '--quiet=true', '--quiet=false']
    """
    words = list(argv)
    result = []
    for position, word in enumerate(words):
        if not word.startswith("--"):
            result.append(word)
            continue
        flag, equals, value = word[2:].partition("=")
        flag = flag.replace("-", "_")
        following = words[position + 1] if position + 1 < len(words) else ""
        if flag.startswith("no_") and flag[3:] in switches and not equals:
            result.append(f"--{flag[3:]}=false")
        elif flag in switches and not equals and following not in ("true", "false"):
            result.append(f"--{flag}=true")
        else:
            result.append(f"--{flag}{equals}{value}")
    return result


def hyphens(flag: str) -> str:
    """Return a flag as people type it.

    Args:
        flag: The flag as the parser knows it.
    """
    return flag if flag == "--print_config" else "--" + flag[2:].replace("_", "-")
