"""Values from several places, laid over each other; where each of them is from."""

import contextlib
import dataclasses
import pathlib
import sys
import typing
from collections.abc import Sequence
from typing import Any, NoReturn

import yaml

from kerasnorm.data.errors import problem_of
from kerasnorm.training.settings.declaration import describe, kinds_of
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.version import stamped

# Where values come from that were typed.
FLAGS = "flags"
# They say what to do with the values and are none themselves.
OF_THE_PARSER = ("config", "print_config", "help")


@dataclasses.dataclass(frozen=True)
class Layer:
    """Values from one place.

    Args:
        source: The place: a file, `flags`, a preset, the defaults.
        values: The values by name.
    """

    source: str
    values: dict[str, Any]


def merge(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Lay values over each other; return them, and where each of them is from.

    Args:
        layers: What counts least first.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        values.update(layer.values)
        sources.update(dict.fromkeys(layer.values, layer.source))
    return values, sources


def read_yaml(file: str, name: str) -> dict[str, Any]:
    """Read a YAML file of `key: value` lines, which is data only: it can run no code.

    Args:
        file: The file.
        name: Name of the flag that it was given by, or what it is, for the error.

    Raises:
        UsageError: If it cannot be read or holds something else.
    """
    try:
        values = yaml.safe_load(pathlib.Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(
            f"expected {name} to be a YAML file, received {file}, but "
            f"{problem_of(error)}"
        ) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(
            f"expected `key: value` lines in {file}, received {type(values).__name__}"
        )
    return values


def typed(name: str, kind: Any, value: Any, file: str) -> Any:
    """Return a value of a YAML file in its own type, as a flag would give it.

    Args:
        name: Its name.
        kind: The type, a union of types, or a list of words.
        value: What YAML takes it for.
        file: Name of the file, for the error.

    Raises:
        UsageError: If it is of another type.
    """
    if typing.get_origin(kind) is list and value is not None:
        return [str(v) for v in (value if isinstance(value, list) else [value])]
    kinds = kinds_of(kind)
    if value is None or isinstance(value, bool):
        # YAML 1.1 takes words such as yes and off for true and false.
        if type(value) in kinds:
            return value
    elif not isinstance(value, list | dict):
        for number in (int, float):
            # YAML 1.1 takes 1e-4 for a word.
            with contextlib.suppress(ValueError):
                if number in kinds and number(str(value)) == float(value):
                    return number(value)
        if str in kinds:
            return str(value)
    received = "nothing behind the colon" if value is None else repr(value)
    raise UsageError(
        f"expected {name} in {file} to be {describe(kind)}, received {received}"
    )


def print_config(values: dict[str, Any], sources: dict[str, str]) -> NoReturn:
    """Print values as YAML that `--config` takes, their origin on stderr, and leave.

    Args:
        values: The values by name.
        sources: Where each is from.

    Raises:
        SystemExit: Always, with status 0.
    """
    shown = {name: v for name, v in values.items() if name not in OF_THE_PARSER}
    text = yaml.safe_dump(stamped(shown), sort_keys=False, allow_unicode=True)
    print(text, end="")
    for source in dict.fromkeys(sources[name] for name in shown):
        names = ", ".join(name for name in shown if sources[name] == source)
        print(f"from {source}: {names}", file=sys.stderr)
    raise SystemExit(0)
