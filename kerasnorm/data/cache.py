"""Where files that can be made again are kept: the user's cache directory."""

import pathlib

import platformdirs


def cache_directory(*parts: str) -> pathlib.Path:
    """Return a folder in the user's cache directory, made where it is missing.

    Args:
        parts: Names of the folders below `kerasnorm`.

    Returns:
        On Linux `$XDG_CACHE_HOME/kerasnorm/...`, by default `~/.cache/kerasnorm/...`;
        on macOS and Windows where their programs keep such files.
    """
    base = platformdirs.user_cache_path("kerasnorm", appauthor=False)
    directory = base.joinpath(*parts)
    directory.mkdir(parents=True, exist_ok=True)
    return directory
