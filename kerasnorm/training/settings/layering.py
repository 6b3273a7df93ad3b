"""Values from several places, laid over each other; where each of them is from."""

import contextlib
import dataclasses
import sys
import typing
from collections.abc import Sequence
from typing import Any, NoReturn

import yaml

from kerasnorm.training.settings.declaration import describe, kinds_of
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.settings.version import stamped
from kerasnorm.training.settings.yaml_files import FALSE, TRUE

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


def typed(name: str, kind: Any, value: Any, file: str) -> Any:
    """Return a value of a YAML file in its own type, as a flag would give it.

    Args:
        name: Its name.
        kind: The type, a union of types, or a list of words.
        value: None, a word as it was typed, a list or a mapping.
        file: Name of the file, for the error.

    Raises:
        UsageError: If it is of another type.
    """
    if typing.get_origin(kind) is list and value is not None:
        return [str(v) for v in (value if isinstance(value, list) else [value])]
    kinds = kinds_of(kind)
    if value is None:
        if type(None) in kinds:
            return None
    elif isinstance(value, str):
        for number in (int, float):
            with contextlib.suppress(ValueError):
                if number in kinds:
                    return number(value)
        if bool in kinds and value.lower() in (*TRUE, *FALSE):
            return value.lower() in TRUE
        if str in kinds:
            return value
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
