"""Paths that users write: `~`, URLs, and where nothing may be overwritten."""

import contextlib
import errno
import os
import pathlib
import urllib.parse
import urllib.request
from collections.abc import Iterator

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources import remote, shard_files
from kerasnorm.training.settings.errors import UsageError

# Bytes of the name of what is written: beside it lie locks, parts and what is not yet
# whole, with names made of it. File systems take 255.
LONGEST_NAME = 200
# Values of path settings that name no file.
_WORDS = ("drawn", "imagenet", "pretrained")
_PREFIXES = ("tfds:", shard_files.PREFIX)
# Files by which the directory of a run and that of a search are known.
_MARKS = (("settings.yaml", "environment.json"), ("plan.json", "search.json"))
# Reports and lists, which may be written again; never images or models.
_REPLACEABLE = ("", ".html", ".htm", ".txt", ".csv", ".json", ".md")


def is_path(value: str) -> bool:
    """Say whether a value of `--data` or `--weights` names a file or a folder.

    Args:
        value: The value.
    """
    return value not in _WORDS and not value.startswith(_PREFIXES)


def local(path: str | os.PathLike[str], name: str) -> str:
    """Return a path of this machine where something may be written, `~` written out.

    Args:
        path: What a user wrote; words that name no file stay as they are.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If it is a URL of another machine.
    """
    text = _here(path, name)
    last = os.fsencode(os.path.basename(text))
    if len(last) > LONGEST_NAME and not os.path.lexists(text):
        raise UsageError(
            f"expected {name} to have a name of at most {LONGEST_NAME} bytes, which "
            f"leaves room for what is written beside it, received {text}, whose name "
            f"has {len(last)}"
        )
    return text


def _here(path: str | os.PathLike[str], name: str) -> str:
    """Return a path of this machine that the system can look up, `~` written out."""
    text = os.fspath(path)
    if not is_path(text):
        return text
    if not text or "\0" in text:
        raise UsageError(
            f"expected {name} to be a path, received {text!r}; name a file or a folder"
        )
    if text.lower().startswith("file://"):
        path = urllib.parse.urlsplit(text).path
        # `url2pathname` loses bytes that are not UTF-8, which only POSIX has in names.
        if os.name == "posix":
            return os.fsdecode(urllib.parse.unquote_to_bytes(path))
        return urllib.request.url2pathname(path)
    if remote.is_url(text):
        raise UsageError(
            f"expected {name} to be a path on this machine, where all is written, "
            f"received {text}; give a local folder or mount that one"
        )
    text = os.path.expanduser(text)
    if _is_too_long(text):
        raise UsageError(
            f"expected {name} to be a path as long as this machine takes, received "
            f"{text}, which is longer; give a shorter one"
        )
    return text


def _is_too_long(text: str) -> bool:
    """Say whether the system takes no such path, whether it exists or not."""
    if any(len(os.fsencode(part)) > 255 for part in pathlib.Path(text).parts):
        return True
    try:
        os.lstat(text)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def readable(path: str | os.PathLike[str], name: str) -> str:
    """Return the path of what is only read; a URL is kept, for where it is opened.

    Args:
        path: What a user wrote; words that name no file stay as they are.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If it is a URL and none can be read.
    """
    text = os.fspath(path)
    if not remote.is_url(text):
        return _here(text, name)
    with _named(name):
        remote.check_readable(text)
    return text


def existing(path: str | os.PathLike[str], name: str) -> str:
    """Return the path of what is read and is there.

    Args:
        path: What a user wrote; words that name no file, and URLs, which are looked up
            where they are opened, pass.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If there is nothing.
    """
    text = readable(path, name)
    if text.startswith(shard_files.PREFIX) and not remote.is_url(
        text[len(shard_files.PREFIX) :]
    ):
        with _named(name):
            shard_files.find_shards(text)
    if is_path(text) and not remote.is_url(text) and not os.path.exists(text):
        raise UsageError(
            f"expected {name} to be the path of something to read, received {text}, "
            "but it does not exist; check its spelling and the folder you are in"
        )
    return text


def fetched(path: str | os.PathLike[str], name: str) -> str:
    """Return the path of what is only read; copied here first if it is a URL.

    Args:
        path: What a user wrote; words that name no file stay as they are.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If it is a URL that cannot be read.
    """
    text = os.fspath(path)
    if not remote.is_url(text):
        return _here(text, name)
    with _named(name):
        return str(remote.fetch(text))


def in_full(path: str, name: str) -> str:
    """Return a path that means the same from every folder, if something lies there.

    Args:
        path: What a user wrote.
        name: Name of the flag, for the error.
    """
    path = readable(path, name)
    if path.startswith(shard_files.PREFIX):
        return shard_files.in_full(path)
    if not is_path(path) or not os.path.exists(path):
        return path
    return os.path.realpath(path)


def output(path: str | os.PathLike[str], name: str) -> str:
    """Return the path of a file to be written, checked before there is anything in it.

    Args:
        path: What a user wrote.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If its folder does not exist, or it would overwrite what a run has
            written.
    """
    file = pathlib.Path(local(path, name))
    if not file.parent.is_dir():
        raise UsageError(
            f"expected {name} to be a file in an existing folder, received {file}; "
            "make the folder first"
        )
    if file.is_dir():
        raise UsageError(f"expected {name} to be a file, received the folder {file}")
    if file.exists() and is_of_a_run(file):
        raise UsageError(
            f"expected {name} to leave alone what a run has written, received {file}; "
            "give another name"
        )
    if file.exists() and file.resolve().suffix.lower() not in _REPLACEABLE:
        raise UsageError(
            f"expected {name} to be a new file or an earlier report, received {file}; "
            "give another name"
        )
    return str(file)


def empty_folder(path: str | os.PathLike[str], name: str) -> str:
    """Return the path of a folder to be filled, checked before anything is done.

    Args:
        path: What a user wrote.
        name: Name of the flag, for the error.

    Raises:
        UsageError: If something is there already, or it lies in a run.
    """
    folder = pathlib.Path(local(path, name))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"expected {name} to be a new or an empty folder, received {folder}, which "
            "holds files or is one; give another name"
        )
    if is_of_a_run(folder):
        raise UsageError(
            f"expected {name} to leave alone what a run has written, received "
            f"{folder}; give a folder elsewhere"
        )
    return os.fspath(folder)


def is_of_a_run(path: str | os.PathLike[str]) -> bool:
    """Say whether a path lies in the directory of a run or of a search.

    Args:
        path: Of a file or folder that may be yet to come.
    """
    place = pathlib.Path(path).resolve()
    return any(
        all((folder / mark).is_file() for mark in marks)
        for folder in (place, *place.parents)
        for marks in _MARKS
    )


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Name the flag in the error of a URL that cannot be read."""
    try:
        yield
    except DataError as error:
        received = str(error).partition(" received ")[2].rstrip(".")
        raise UsageError(
            f"expected {name} to be a path or a URL that can be read, received "
            f"{received}"
        ) from error
