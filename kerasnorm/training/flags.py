"""Flags and YAML to settings: one typed definition, spelled the way shells like it.

jsonargparse makes the parser from the `Settings` class. It spells flags with
underscores and wants a value after every flag; people type `--image-size 96
--quiet`. This file stands between the two.
"""

import argparse
import dataclasses
import difflib
import pathlib
import re
import typing
from collections.abc import Collection, Sequence
from typing import Any, NoReturn

import jsonargparse
import yaml

from kerasnorm.training.errors import UsageError
from kerasnorm.training.settings import Settings

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
SWITCHES = {name for name, field in FIELDS.items() if field.type is bool}
KINDS = {
    int: "a whole number",
    float: "a number",
    str: "a word",
    bool: "true or false",
    type(None): "null",
}
# What may change when an interrupted run goes on; all else stays as it began.
CHANGEABLE_ON_RESUME = {
    "resume",
    "runs",
    "epochs",
    "max_minutes",
    "patience",
    "on_nan",
    "distribute",
    "quiet",
    "debug",
}


@dataclasses.dataclass(frozen=True)
class App:
    """One task: its name, its settings and the presets that go with kinds of data.

    Args:
        name: Folder below `runs` and module below `apps`.
        title: One line that says what the app does.
        settings: The settings that hold for all data.
        presets: Changes to the settings by preset name. Unless `--preset` names one,
            `pretrained` is taken where there are weights to start from, else `drawn`
            for the drawn default data and `photos` for any other.
    """

    name: str
    title: str
    settings: Settings
    presets: dict[str, dict[str, Any]] = dataclasses.field(default_factory=dict)

    def preset_for(
        self, data: str, weights: str | None, name: str | None
    ) -> dict[str, Any]:
        """Return the changes of a preset, chosen by name or else by what trains.

        Args:
            data: The `--data` setting.
            weights: The `--weights` setting.
            name: Name of a preset, or None to choose by the other two.

        Raises:
            UsageError: If there is no preset of that name.
        """
        if name is None:
            if weights and "pretrained" in self.presets:
                return self.presets["pretrained"]
            return self.presets.get("drawn" if data == "drawn" else "photos", {})
        if name not in self.presets:
            raise UsageError(
                f"expected --preset to be one of {', '.join(self.presets)}, "
                f"received {name!r}"
            )
        return self.presets[name]


class Parser(jsonargparse.ArgumentParser):
    """A parser that raises one sentence and writes hyphens in its help."""

    def error(self, message: str, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise instead of printing the usage of forty flags."""
        raise UsageError(_one_sentence(message))

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Write flags as people type them, except for jsonargparse's own."""
        text = super().format_help(*args, **kwargs)
        text = re.sub(r"--[a-z]+(?:_[a-z]+)+", lambda f: _hyphens(f[0]), text)
        return text.replace(" {true,false}", "")


def parse_training(app: App, argv: Sequence[str]) -> Settings:
    """Return the settings that a command line asks for.

    What is said last counts: the app's settings, the preset, the `--config` file, the
    flags.

    Args:
        app: The app.
        argv: Words after `python -m apps.NAME`.

    Raises:
        UsageError: If a flag or value cannot be used.
        SystemExit: After `--help` and `--print_config`.
    """
    words = normalize(argv)
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("config", "preset", "data", "weights", "resume"):
        early.add_argument(f"--{name}", nargs="?")
    chosen, _ = early.parse_known_args(words)
    written = _read_config(chosen.config)
    data = chosen.data or written.get("data") or app.settings.data
    weights = chosen.weights or written.get("weights")
    defaults = dataclasses.asdict(app.settings)
    defaults.update(app.preset_for(data, weights, chosen.preset))
    parser = _parser(app)
    _refuse_unknown(words, parser)
    if chosen.resume:
        return _resumed(parser, words)
    parser.set_defaults({key: defaults[key] for key in FIELDS if key != "app"})
    values = _fields(parser.parse_args(words))
    if values["app"] != app.name:
        raise UsageError(
            f"expected settings of the app {app.name}, received some of "
            f"{values['app']}; run them with python -m apps.{values['app']}"
        )
    return Settings(**values)


def normalize(
    argv: Sequence[str], switches: Collection[str] = frozenset(SWITCHES)
) -> list[str]:
    """Spell flags as jsonargparse does: underscores, and a value for every switch.

    Args:
        argv: Words of a command line.
        switches: Names of the flags that need no value.

    Example:
        >>> normalize(["--image-size", "96", "--quiet", "--no-horizontal-flip"])
        ['--image_size', '96', '--quiet=true', '--horizontal_flip=false']
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


def _parser(app: App) -> Parser:
    parser = Parser(
        prog=f"python -m apps.{app.name}",
        description=f"{app.title} Other commands: evaluate RUN_DIR, predict RUN_DIR "
        "PATH...; each has its own --help. Switches need no value: --quiet, "
        "--no-horizontal-flip.",
    )
    parser.add_argument(
        "--config",
        action="config",
        help="YAML file with settings, such as a "
        "run's settings.yaml; flags count more.",
    )
    parser.add_argument(
        "--preset",
        type=str | None,
        help=f"One of {', '.join(app.presets)}; chosen by the data if not given.",
    )
    # A run's settings.yaml names its app; as a flag it would have no meaning.
    parser.add_argument("--app", type=str, default=app.name, help=argparse.SUPPRESS)
    parser.add_class_arguments(Settings, None, skip={"app"})
    return parser


def _resumed(parser: Parser, words: list[str]) -> Settings:
    from kerasnorm.training import run_directory

    given = _fields(parser.parse_args(words, defaults=False))
    fixed = sorted(set(given) - CHANGEABLE_ON_RESUME)
    if fixed:
        raise UsageError(
            f"expected --resume without {', '.join('--' + f for f in fixed)}: a run "
            "goes on with the settings it began with; only --epochs, --max-minutes "
            "and --patience may change"
        )
    settings = run_directory.open_run(given["resume"]).read_settings()
    return settings.replace(**given)


def _fields(values: Any) -> dict[str, Any]:
    return {name: values[name] for name in FIELDS if name in values}


def _read_config(file: str | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        values = yaml.safe_load(pathlib.Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())
        raise UsageError(
            f"expected a YAML file after --config, but {problem}"
        ) from None
    if not isinstance(values, dict):
        raise UsageError(
            f"expected `key: value` lines in {file}, received {type(values).__name__}"
        )
    unknown = sorted(set(values) - set(FIELDS) - {"preset"})
    if unknown:
        raise UsageError(
            f"expected only known settings in {file}, received {', '.join(unknown)}"
        )
    return values


def _refuse_unknown(words: list[str], parser: Parser) -> None:
    known = {option for action in parser._actions for option in action.option_strings}
    for word in words:
        flag = word.partition("=")[0]
        if flag.startswith("--") and flag not in known:
            close = difflib.get_close_matches(flag, known, n=1)
            hint = f"did you mean {_hyphens(close[0])}?" if close else "see --help"
            raise UsageError(f"unknown flag {_hyphens(flag)}; {hint}")


def _hyphens(flag: str) -> str:
    return flag if flag == "--print_config" else "--" + flag[2:].replace("_", "-")


def _one_sentence(message: str) -> str:
    message = " ".join(message.split())
    found = re.match(r'(?:Parser key "(\w+)"|argument --(\w+)): (.*)', message)
    if not found:
        return message
    name = found[1] or found[2]
    value = re.search(r"(?:Got|Given) value: (.*)$", found[3])
    if value is None or name not in FIELDS:
        return f"{_hyphens('--' + name)}: {found[3]}"
    kinds = [KINDS[kind] for kind in typing.get_args(FIELDS[name].type)] or [
        KINDS[typing.cast(type, FIELDS[name].type)]
    ]
    return f"expected {_hyphens('--' + name)} to be {' or '.join(kinds)}, " + (
        f"received {value[1]!r}"
    )
