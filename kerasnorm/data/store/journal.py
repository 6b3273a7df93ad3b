"""Which images a store holds: a file of records that only grows."""

import os
import pathlib

import numpy as np

from kerasnorm.data.store.keys import find_keys

RECORD = np.dtype(
    [
        ("key", "<u8", (2,)),
        ("row", "<i8"),
        ("checksum", "<u4"),
        ("own", "<u4"),
    ]
)
#: Rows of images that have been decoded and are not kept, and of files that are none.
NOT_KEPT, REJECTED, UNKNOWN = -1, -2, -3
FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93],
    np.uint64,
)


def make_records(
    keys: np.ndarray, rows: np.ndarray | int, checksums: np.ndarray | int = 0
) -> np.ndarray:
    """Return records of images.

    Args:
        keys: uint64, (images, 2).
        rows: Where each lies in the file of pixels, or why it does not.
        checksums: Of the pixels of each.
    """
    records = np.zeros(len(keys), RECORD)
    records["key"], records["row"], records["checksum"] = keys, rows, checksums
    records["own"] = _own_checksums(records)
    return records


def read_journal(file: pathlib.Path) -> np.ndarray:
    """Return the records of a journal; what a crash or a bad disk spoiled is left out.

    Args:
        file: The journal; it may be missing.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = b""
    whole = len(content) // RECORD.itemsize
    if not whole:
        return np.zeros(0, RECORD)
    records = np.frombuffer(content, RECORD, count=whole)
    return records[records["own"] == _own_checksums(records)]


def append_records(file: pathlib.Path, records: np.ndarray) -> None:
    """Add records at the end of a journal.

    Args:
        file: The journal.
        records: From `make_records`.
    """
    with open(file, "ab", buffering=0) as stream:
        # A record that a crash cut off would shift those after it.
        rest = os.fstat(stream.fileno()).st_size % RECORD.itemsize
        if rest:
            stream.truncate(os.fstat(stream.fileno()).st_size - rest)
        content = records.tobytes()
        while content:
            content = content[stream.write(content) :]


def look_up(records: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return row and checksum of images, as the last record of each says.

    Args:
        records: From `read_journal`.
        keys: uint64, (images, 2).

    Returns:
        Rows, int64 (`UNKNOWN` where there is no record), and checksums, uint32.
    """
    place = find_keys(records["key"], keys)
    if not len(records):
        return np.full(len(keys), UNKNOWN), np.zeros(len(keys), np.uint32)
    rows = np.where(place >= 0, records["row"][place], UNKNOWN)
    return rows, records["checksum"][place].astype(np.uint32)


def _own_checksums(records: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        mixed = records["key"][:, 0] * FACTORS[0]
        parts = (
            records["key"][:, 1],
            records["row"].astype(np.uint64),
            records["checksum"].astype(np.uint64) + np.uint64(1),
        )
        for factor, part in zip(FACTORS[1:], parts, strict=True):
            mixed = (mixed ^ (mixed >> np.uint64(29)) ^ part) * factor
    return (mixed >> np.uint64(32)).astype(np.uint32)
