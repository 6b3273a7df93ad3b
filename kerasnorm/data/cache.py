"""Where files that can be made again are kept: the user's cache directory."""

import os
import pathlib


def cache_directory(*parts: str) -> pathlib.Path:
    """Return a folder in the user's cache directory, made where it is missing.

    Args:
        parts: Names of the folders below `kerasnorm`.

    Returns:
        `$XDG_CACHE_HOME/kerasnorm/...`, by default `~/.cache/kerasnorm/...`.
    """
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    directory = pathlib.Path(base, "kerasnorm", *parts)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
