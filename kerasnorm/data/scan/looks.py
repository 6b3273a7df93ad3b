"""What the images of a folder look like, kept from one scan or training to the next."""

import concurrent.futures
import contextlib
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from kerasnorm.data.cache import cache_directory
from kerasnorm.data.images.decode import QuietPillow
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.progress import Progress
from kerasnorm.data.scan.duplicates import find_duplicates
from kerasnorm.data.scan.scan_file import FileScan, scan_item
from kerasnorm.data.sources.index import ImageIndex

# As many files and bytes are looked at within seconds; more only by `kerasnorm scan`.
MAX_FILES = 5_000
MAX_BYTES = 500_000_000
# A JPEG decoded to this side in pixels has the hash of the whole one.
SIDE = 256


def duplicate_groups(index: ImageIndex) -> list[list[int]] | None:
    """Return positions of files that are the same or look the same, as a scan does.

    Args:
        index: The files; those that were seen before are not read again.

    Returns:
        Groups of positions; None where too many files would have to be read.
    """
    known = _recall(index.root, index.gray_bits)
    if len(index) - len(known) > MAX_FILES:
        return None
    stamps = index.items.stamps().tolist()
    found: list[FileScan | None] = []
    for name, stamp in zip(index.names, stamps, strict=True):
        values = known.get(name)
        is_same = values is not None and values[:-2] == stamp
        found.append(_scan_of(name, values) if is_same else None)
    new = [position for position, file in enumerate(found) if file is None]
    size = sum(stamps[position][0] for position in new)
    if len(new) > MAX_FILES or size > MAX_BYTES:
        return None
    look = functools.partial(
        scan_item, index.items, cover=(SIDE, SIDE), gray_bits=index.gray_bits
    )
    with (
        QuietPillow(),
        concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool,
        Progress("looking for duplicates") as progress,
    ):
        looked = pool.map(look, new)
        for done, (position, file) in enumerate(zip(new, looked, strict=True)):
            found[position] = file
            progress(done + 1, len(new))
    if new:
        remember(index.root, index.names, stamps, found, index.gray_bits)
    return _groups(found)


def remember(
    root: str | os.PathLike,
    names: Sequence[str],
    stamps: Sequence[list[int]],
    files: Sequence[FileScan | None],
    gray_bits: int | None,
) -> None:
    """Keep what files look like in the user's cache directory.

    Args:
        root: The data folder.
        names: Paths below it.
        stamps: Size and time of each file, and what else shows a change.
        files: What they turned out to be.
        gray_bits: What deep gray files that do not say how deep were taken for.
    """
    values = {
        name: [*stamp, file.digest and file.digest.hex(), file.look]
        for name, stamp, file in zip(names, stamps, files, strict=True)
        if file is not None
    }
    # Without a cache they are looked at again.
    with contextlib.suppress(OSError):
        target = _file(root, gray_bits)
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        aside.write_text(json.dumps(values), encoding="utf-8")
        aside.replace(target)


def _file(root: str | os.PathLike, gray_bits: int | None) -> pathlib.Path:
    name = hashlib.blake2b(os.fsencode(os.path.realpath(root)), digest_size=16)
    if gray_bits is not None:
        name.update(f"\0{gray_bits}".encode())
    return cache_directory("scans") / f"{name.hexdigest()}.json"


def _recall(root: str | os.PathLike, gray_bits: int | None) -> dict[str, Any]:
    try:
        values = json.loads(_file(root, gray_bits).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _scan_of(name: str, values: Any) -> FileScan:
    *_, digest, look = values
    return FileScan(name, None, digest=digest and bytes.fromhex(digest), look=look)


def _groups(files: Sequence[FileScan | None]) -> list[list[int]]:
    numbered = [
        FileScan(str(position), None, digest=file.digest, look=file.look)
        for position, file in enumerate(files)
        if file is not None
    ]
    groups = find_duplicates(numbered, [("", "")] * len(numbered))
    return [[int(name) for name in group.paths] for group in groups]
