"""YAML files that people write: each value as it was typed, each key once."""

import pathlib
from typing import Any

import yaml

from kerasnorm.data.errors import problem_of
from kerasnorm.training.settings.errors import UsageError

TRUE = ("true", "yes", "on")
FALSE = ("false", "no", "off")
_KEPT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class _Plain(yaml.SafeLoader):
    """Data only, which can run no code, and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"it names {key.value} twice: keep one", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _AsTyped(_Plain):
    """All words as they were typed, but for null.

    YAML 1.1 takes `on` for true, 010 for 8, 12:30 for 750 and 1.10 for 1.1: what a word
    is, its setting says.
    """


_AsTyped.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in found if tag in _KEPT]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(file: str, name: str, *, as_typed: bool = False) -> dict[str, Any]:
    """Read a YAML file of `key: value` lines, which is data only: it can run no code.

    Args:
        file: The file.
        name: Name of the flag that it was given by, or what it is, for the error.
        as_typed: Whether numbers and the words for true and false stay words.

    Raises:
        UsageError: If it cannot be read or holds something else.
    """
    try:
        text = pathlib.Path(file).read_text(encoding="utf-8")
        values = yaml.load(text, Loader=_AsTyped if as_typed else _Plain)
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
