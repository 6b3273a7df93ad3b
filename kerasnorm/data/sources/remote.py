"""Files and folders behind URLs, copied into the user's cache by fsspec."""

import datetime
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
# What this process has fetched: the URL of each copy.
_FETCHED: dict[str, str] = {}


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
        raise _unreadable(
            url,
            "only with the package fsspec installed can it be fetched; install it, or "
            "copy the files here.",
        )


def _unreadable(url: str, problem: str) -> DataError:
    return DataError(
        f"Expected a path or a URL that can be read, received {url}, but {problem}"
    )


def as_given(text: str) -> str:
    """Return a text with URLs in place of the copies they were fetched to.

    Args:
        text: A path or a message.
    """
    for copy, url in _FETCHED.items():
        text = text.replace(copy, url)
    return text


def fetch(url: str) -> pathlib.Path:
    """Copy a file or a folder from another machine, once for as long as it is the same.

    Where it cannot be reached, the last copy serves, and that is said on stderr.

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

    name = posixpath.basename(url.partition("?")[0].rstrip("/")) or "data"
    last = _Last(url)
    try:
        system, root = fsspec.core.url_to_fs(url)
        try:
            files = _list(system, root)
        except Exception as error:
            copy = last.copy()
            if copy is None:
                raise
            print(
                f"{url} cannot be reached ({_first_line(error)}); the copy of "
                f"{last.day()} is used",
                file=sys.stderr,
            )
            return _noted(copy / name, url)
        key = hashlib.sha256(repr((url, sorted(files.items()))).encode()).hexdigest()
        folder = cache_directory("fetched") / key[:16]
        if not folder.exists():
            _copy(system, root, files, folder, name)
        last.note(folder)
    except ImportError as error:
        problem = f"{_first_line(error)}; or copy the files here."
        raise _unreadable(url, problem) from error
    except Exception as error:
        # Each file system has its own errors.
        problem = f"it cannot be fetched: {_first_line(error)}."
        raise _unreadable(url, problem) from error
    return _noted(folder / name, url)


def _noted(copy: pathlib.Path, url: str) -> pathlib.Path:
    for path in (os.path.realpath(copy), str(copy)):
        _FETCHED[path] = url.rstrip("/")
    return copy


def fetch_matching(url: str) -> list[pathlib.Path]:
    """Copy the files that a pattern names from another machine.

    Args:
        url: What `fetch` takes, of a file or a folder, or with `*` and `[...]`.

    Raises:
        DataError: There are none, or they cannot be read.
    """
    check_readable(url)
    if not set("*[") & set(url):
        copy = fetch(url)
        return sorted(copy.iterdir()) if copy.is_dir() else [copy]
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
        found = [system.unstrip_protocol(path) for path in sorted(system.glob(root))]
    except Exception as error:
        # Each file system has its own errors.
        raise DataError(
            f"Expected a pattern of files that can be read, received {url}, but they "
            f"cannot be listed: {_first_line(error)}. Give the URL of their folder, or "
            "copy the files here."
        ) from error
    if not found:
        raise DataError(f"Expected files that match {url}, but there are none.")
    return [fetch(one) for one in found]


class _Last:
    """Which copy of a URL was the last, for a day on which it cannot be reached."""

    def __init__(self, url: str) -> None:
        key = hashlib.sha256(url.encode(errors="surrogateescape")).hexdigest()
        self.file = cache_directory("fetched") / f"{key[:16]}.last"

    def note(self, folder: pathlib.Path) -> None:
        """Keep the name of a copy that is complete."""
        aside = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        aside.write_text(folder.name, encoding="utf-8")
        aside.replace(self.file)

    def copy(self) -> pathlib.Path | None:
        """Return the folder of the last copy; None where there is none any more."""
        if not self.file.is_file():
            return None
        folder = self.file.with_name(self.file.read_text(encoding="utf-8"))
        return folder if folder.is_dir() else None

    def day(self) -> str:
        """Return when the URL was last reached."""
        reached = datetime.datetime.fromtimestamp(self.file.stat().st_mtime)
        return reached.strftime("%Y-%m-%d %H:%M")


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
