"""Names that settings had once and that are still understood."""

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from kerasnorm.training.settings.errors import UsageError


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return values by today's names.

    Args:
        values: Values by name.
        names: Today's names by the old ones.

    Raises:
        UsageError: If a value is there under both names.
    """
    result = dict(values)
    for old in values.keys() & names.keys():
        if names[old] in result:
            raise UsageError(
                f"expected {names[old]} once, received it as {old}, too, which is its "
                "old name; leave one out"
            )
        result[names[old]] = result.pop(old)
    return result


def renamed_flags(words: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """Return the words of a command line with today's flags, spelled as they were.

    Args:
        words: Words of a command line.
        names: Today's names by the old ones.

    Example:
        >>> renamed_flags(["--no-progressive"], {"progressive": "progressive_resizing"})
        ['--no-progressive-resizing']
    """
    result = []
    for word in words:
        flag, equals, value = word.partition("=")
        negation = "no-" if flag.startswith("--no-") else ""
        name = flag[2 + len(negation) :].replace("-", "_")
        if flag.startswith("--") and name in names:
            flag = f"--{negation}{names[name].replace('_', '-')}"
        result.append(flag + equals + value)
    return result


def accept_old_names(kind: type, names: Mapping[str, str]) -> None:
    """Let a dataclass be made from and read by the old names of its fields, too.

    Args:
        kind: The class; it is changed.
        names: Today's names by the old ones.
    """
    make = kind.__init__  # type: ignore[misc]

    @functools.wraps(make)
    def __init__(self: Any, *args: Any, **values: Any) -> None:
        make(self, *args, **renamed(values, names))

    kind.__init__ = __init__  # type: ignore[misc]
    for old, new in names.items():
        setattr(kind, old, property(operator.attrgetter(new)))
