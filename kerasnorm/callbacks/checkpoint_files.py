"""Checkpoints as files: written whole or not at all, checked when read, two kept."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import re
from typing import Any

import numpy as np

# Digits count up and never start again; the letters are the checksum of the file.
FILE_NAME = re.compile(r"(\d{6,})-([0-9a-f]{32})\.npz")
ARRAY = "__array__"
# A scalar weight is read as a NumPy scalar and must come back as one.
SCALAR = "__scalar__"
KEPT = 2


@dataclasses.dataclass(frozen=True)
class Found:
    """The newest checkpoint that is whole.

    Args:
        state: What had been given to `write`.
        damaged: Names of newer files that were passed over.
    """

    state: dict[str, Any]
    damaged: list[str]


def write(
    folder: pathlib.Path, state: dict[str, Any], kept: int = KEPT
) -> pathlib.Path:
    """Add a checkpoint to a folder and remove all but the newest ones.

    The file is written aside, brought to the disk and then renamed, so that at any
    moment the folder holds the one before. Its name carries a checksum.

    Args:
        folder: The folder; made if it does not exist, but not its parent: a run
            removed directory must not come back.
        state: Dicts with text keys, lists, numbers, text, None and NumPy arrays.
        kept: How many files stay, 1 or more.

    Returns:
        The new file.

    Raises:
        OSError: If it cannot be written; the files before it are as they were.
    """
    folder.mkdir(exist_ok=True)
    files = list_files(folder)
    number = 1 + (_number(files[-1]) if files else 0)
    aside = folder / f".{os.getpid()}.aside"
    try:
        with aside.open("w+b") as stream:
            np.savez(stream, allow_pickle=False, **_pack(state))
            stream.flush()
            os.fsync(stream.fileno())
            stream.seek(0)
            checksum = _checksum(stream)
        file = folder / f"{number:06d}-{checksum}.npz"
        aside.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise
    _sync_names(folder)
    for old in list_files(folder)[:-kept]:
        old.unlink(missing_ok=True)
    return file


def read_newest(folder: pathlib.Path) -> Found | None:
    """Return the newest checkpoint whose checksum is right; None without any.

    Nothing in a file is ever executed: it holds numbers and JSON.

    Args:
        folder: The folder; it need not exist.
    """
    damaged: list[str] = []
    for file in reversed(list_files(folder)):
        try:
            return Found(read(file), damaged)
        except (OSError, ValueError):
            damaged.append(file.name)
    return None


def read(file: pathlib.Path) -> dict[str, Any]:
    """Return the state that a file holds.

    Args:
        file: A file that `write` made.

    Raises:
        ValueError: If its content is not what had been written.
    """
    match = FILE_NAME.fullmatch(file.name)
    content = file.read_bytes()
    if match is None or _checksum(io.BytesIO(content)) != match[2]:
        raise ValueError(
            f"expected a whole checkpoint, received {file}, whose checksum is wrong; "
            "take the one before it"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = [stored[f"array{index}"] for index in range(len(stored.files) - 1)]
        tree = json.loads(stored["state"].tobytes())
    state: dict[str, Any] = _unpack(tree, arrays)
    return state


def list_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the checkpoints of a folder, the oldest first.

    Args:
        folder: The folder; it need not exist.
    """
    if not folder.is_dir():
        return []
    files = [file for file in folder.iterdir() if FILE_NAME.fullmatch(file.name)]
    return sorted(files, key=_number)


def remove_leftovers(folder: pathlib.Path) -> None:
    """Remove what a killed program had not finished writing.

    Args:
        folder: The folder; it need not exist.
    """
    for file in folder.glob(".*.aside"):
        file.unlink(missing_ok=True)


def _number(file: pathlib.Path) -> int:
    return int(file.name.partition("-")[0])


def _checksum(stream: Any) -> str:
    return hashlib.file_digest(
        stream, lambda: hashlib.blake2b(digest_size=16)
    ).hexdigest()


def _sync_names(folder: pathlib.Path) -> None:
    # Without it a power cut could undo the rename. Windows cannot open folders.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _pack(state: dict[str, Any]) -> dict[str, np.ndarray]:
    arrays: list[np.ndarray] = []
    text = json.dumps(_without_arrays(state, arrays))
    packed = {f"array{index}": array for index, array in enumerate(arrays)}
    return {"state": np.frombuffer(text.encode(), np.uint8), **packed}


def _without_arrays(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        arrays.append(_plain_dtype(value))
        return {ARRAY: len(arrays) - 1}
    if isinstance(value, np.generic):
        arrays.append(_plain_dtype(np.asarray(value)))
        return {SCALAR: len(arrays) - 1}
    if isinstance(value, dict):
        return {key: _without_arrays(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, arrays) for item in value]
    return value


def _plain_dtype(array: np.ndarray) -> np.ndarray:
    # bfloat16 and float8 are not NumPy's own; float32 holds all their values.
    return array if array.dtype.isbuiltin == 1 else array.astype(np.float32)


def _unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if ARRAY in value:
            return arrays[value[ARRAY]]
        if SCALAR in value:
            return arrays[value[SCALAR]][()]
        return {key: _unpack(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    return value
