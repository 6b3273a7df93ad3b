"""Files and folders behind URLs, copied into the user's cache by fsspec."""

import hashlib
import importlib.util
import os
import pathlib
import posixpath
import re
import shutil
import sys
import tempfile
from typing import Any

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.errors import DataError

# Two letters at least: C: is a drive.
_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_url(path: str | os.PathLike | None) -> bool:
    """Say whether a path is the URL of something on another machine.

    Args:
        path: What a user wrote.
    """
    return isinstance(path, str) and _URL.match(path) is not None


def check_readable(url: str) -> None:
    """Raise DataError where no URL can be read, before anything is fetched.

    Args:
        url: The URL.
    """
    if importlib.util.find_spec("fsspec") is None:
        raise DataError(
            f"Expected a path or a URL that can be read, received {url}, but only with "
            "the package fsspec installed can it be fetched; install it, or copy the "
            "files here."
        )


def fetch(url: str) -> pathlib.Path:
    """Copy a file or a folder from another machine, once for as long as it is the same.

    Args:
        url: What fsspec takes, such as `gs://bucket/folder` or `https://host/file`.

    Returns:
        The copy in the cache directory, of the same name.

    Raises:
        DataError: A package that reads such URLs is not installed, or nothing can be
            read there.
    """
    check_readable(url)
    import fsspec

    received = f"Expected a path or a URL that can be read, received {url}, but"
    try:
        system, root = fsspec.core.url_to_fs(url)
        files = _list(system, root)
        name = posixpath.basename(url.partition("?")[0].rstrip("/")) or "data"
        key = hashlib.sha256(repr((url, sorted(files.items()))).encode()).hexdigest()
        folder = cache_directory("fetched") / key[:16]
        if not folder.exists():
            _copy(system, root, files, folder, name)
    except ImportError as error:
        problem = f"{_first_line(error)}; or copy the files here."
        raise DataError(f"{received} {problem}") from error
    except Exception as error:
        # Each file system has its own errors.
        problem = f"it cannot be fetched: {_first_line(error)}."
        raise DataError(f"{received} {problem}") from error
    return folder / name


def _list(system: Any, root: str) -> dict[str, str]:
    """Return what is known of every file, by its path below the root."""
    if system.isfile(root):
        return {"": repr(sorted(system.info(root).items(), key=str))}
    found = system.find(root, detail=True)
    below = root.rstrip("/") + "/"
    files = {
        path.removeprefix(below): repr(sorted(about.items(), key=str))
        for path, about in found.items()
        # Pages of a web server link to others.
        if path.startswith(below) and ".." not in path.split("/")
    }
    if not files:
        raise FileNotFoundError("there is no such file, or no file below it")
    return files


def _copy(
    system: Any, root: str, files: dict[str, str], folder: pathlib.Path, name: str
) -> None:
    print(f"fetching {len(files):,} files into {folder}", file=sys.stderr)
    # Renamed when complete, so that an interrupted copy leaves no half folder.
    partial = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        for path in files:
            target = partial / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            source = f"{root.rstrip('/')}/{path}" if path else root
            system.get_file(source, os.fspath(target))
        try:
            os.replace(partial, folder)
        except OSError:
            # Another process may have been sooner.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200].rstrip(".")
