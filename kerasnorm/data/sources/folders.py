"""Folders of images: which of them count, and the files below them."""

import os
import pathlib
from collections.abc import Iterator

from kerasnorm.data.errors import DataError

# What a run or a search writes side by side, and nobody else does.
OUTPUT_MARKS = (
    {"settings.yaml", "environment.json"},
    {"plan.json", "search.json"},
    {"plan.json", "workers"},
)


def check_directory(directory: str | os.PathLike) -> pathlib.Path:
    """Return the path of an existing folder, or raise DataError."""
    try:
        path = pathlib.Path(directory).expanduser()
    except TypeError:
        raise DataError(
            f"Expected the path of a folder. Received: {directory!r}."
        ) from None
    if not path.exists():
        raise DataError(
            f"Expected a folder, but there is no {str(path)!r}. Check the path."
        )
    if not path.is_dir():
        raise DataError(
            f"Expected a folder of images, but {str(path)!r} is a file. Give the "
            "folder "
            "that holds the class folders."
        )
    return path


def class_folders(
    directory: str | os.PathLike, *, everything: bool = False
) -> list[str]:
    """Return the names of the sub-folders that can be classes, sorted.

    Hidden folders (`.ipynb_checkpoints`) cannot, nor folders in which only runs or
    searches have written.

    Args:
        directory: The folder.
        everything: Whether every sub-folder is one, as Keras' own class has it.
    """
    return sorted(
        name
        for name in _sub_folders(directory)
        if everything or not (name.startswith(".") or _is_of_runs(directory, name))
    )


def filled_folders(directory: str | os.PathLike) -> list[str]:
    """Return the names of the sub-folders that hold files, sorted.

    Args:
        directory: The folder.
    """
    return [
        name
        for name in class_folders(directory)
        if holds_files(os.path.join(directory, name))
    ]


def holds_files(directory: str | os.PathLike) -> bool:
    """Say whether a folder has a file of its own or further below, hidden ones aside.

    Args:
        directory: The folder.
    """
    return _has_files(directory, everything=False, hidden=False)


def walk_files(
    directory: str | os.PathLike, *, everything: bool = False, follow_links: bool = True
) -> Iterator[str]:
    """Yield the paths of all files below a folder, folder by folder, sorted.

    Args:
        directory: The folder.
        everything: Whether to enter folders whose name begins with a dot and those of
            runs and searches.
        follow_links: Whether to enter folders that are symbolic links; links that
            lead back to a folder above themselves are never entered.

    Yields:
        Paths that begin with `directory`.

    Raises:
        DataError: A folder cannot be read.
    """
    folders = _walk(directory, everything=everything, follow_links=follow_links)
    for root, names in sorted(folders):
        for name in sorted(names):
            yield os.path.join(root, name)


def _sub_folders(directory: str | os.PathLike[str]) -> list[str]:
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_dir()]
    except OSError as error:
        raise _unreadable(error) from error


def _is_of_runs(directory: str | os.PathLike, name: str) -> bool:
    folder = os.path.join(directory, name)
    is_empty = not _has_files(folder, everything=False, hidden=True)
    return is_empty and _has_files(folder, everything=True, hidden=True)


def _has_files(
    directory: str | os.PathLike[str], *, everything: bool, hidden: bool
) -> bool:
    """Say whether `_walk` would find a file, as soon as there is one.

    Args:
        directory: The folder.
        everything: What `_walk` takes.
        hidden: Whether files count whose name begins with a dot.
    """
    top = os.fspath(directory)
    folders = [top]
    while folders:
        folder = folders.pop()
        if not everything and _is_output(folder):
            continue
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    is_hidden = entry.name.startswith(".")
                    if not entry.is_dir():
                        if hidden or not is_hidden:
                            return True
                    elif (everything or not is_hidden) and not _is_symlink_cycle(
                        entry.path, top
                    ):
                        folders.append(entry.path)
        except OSError as error:
            raise _unreadable(error) from error
    return False


def _is_output(folder: str) -> bool:
    """Say whether a run or a search has written a folder."""
    return any(
        all(os.path.lexists(os.path.join(folder, name)) for name in mark)
        for mark in OUTPUT_MARKS
    )


def _walk(
    directory: str | os.PathLike, *, everything: bool, follow_links: bool = True
) -> Iterator[tuple[str, list[str]]]:
    def stop(error: OSError) -> None:
        raise _unreadable(error)

    top = os.fspath(directory)
    for root, below, names in os.walk(top, followlinks=follow_links, onerror=stop):
        if not everything and any(mark <= {*names, *below} for mark in OUTPUT_MARKS):
            below.clear()
            continue
        below[:] = [
            name
            for name in below
            if (everything or not name.startswith("."))
            and not _is_symlink_cycle(os.path.join(root, name), top)
        ]
        yield root, names


def _is_symlink_cycle(path: str, top: str) -> bool:
    if not os.path.islink(path):
        return False
    real = os.path.realpath(path)
    above = os.path.relpath(path, top).split(os.sep)[:-1]
    on_the_way = [os.path.join(top, *above[:depth]) for depth in range(len(above) + 1)]
    return any(os.path.realpath(folder) == real for folder in on_the_way)


def _unreadable(error: OSError) -> DataError:
    return DataError(
        f"Expected a folder that can be read, but {error.filename!r} cannot "
        f"({error.strerror}). Fix its permissions or move it away."
    )
