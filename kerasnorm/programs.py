"""Where the apps and searches are: beside this package in a clone, in it in a wheel."""

import functools
import pathlib

PACKAGES = ("apps", "tuning")


@functools.cache
def _prefix() -> str:
    inside = pathlib.Path(__file__).parent / PACKAGES[0]
    return f"{__package__}." if inside.is_dir() else ""


def module_of(program: str) -> str:
    """Return the module of a program where it is installed.

    Args:
        program: Its module in a clone, such as `apps.cats_dogs`.

    Example:
        >>> module_of("tuning.search")
        'tuning.search'
    """
    return _prefix() + program


def command_of(program: str) -> str:
    """Return the words that start a program where it is installed.

    Args:
        program: Its module in a clone, such as `apps.cats_dogs`.

    Example:
        >>> command_of("tuning.search")
        'python -m tuning.search'
    """
    return f"python -m {module_of(program)}"
