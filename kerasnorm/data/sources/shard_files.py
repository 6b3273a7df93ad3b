"""Which files a pattern of shards names, and of which kind they are."""

import glob
import os
import re
from collections.abc import Iterator, Sequence

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources import remote

PREFIX = "shards:"
TAR, TFRECORD = "WebDataset tar", "TFRecord"
TAR_ENDINGS = (".tar",)
# `images-00003-of-00128`, as TensorFlow writes them, often without any ending.
TFRECORD_NAME = re.compile(r"\.tfrecords?\b|\.tfrec$|-\d+-of-\d+$")
COMPRESSED = (".gz", ".tgz", ".bz2", ".xz", ".zst")


def find_shards(spec: str) -> list[str]:
    """Return the files that a pattern names, sorted.

    Args:
        spec: What `open_shards` takes.

    Raises:
        DataError: There are none, or one that is named is missing.
    """
    pattern = spec.removeprefix(PREFIX)
    found: list[str] = []
    for one in expanded(pattern):
        if remote.is_url(one):
            found += map(str, remote.fetch_matching(one))
            continue
        path = os.path.expanduser(one)
        if os.path.isdir(path):
            names = (os.path.join(path, name) for name in os.listdir(path))
            matching = [name for name in names if kind_of(name)]
        else:
            exact = [path] if os.path.isfile(path) else []
            matching = exact or [n for n in glob.glob(path) if os.path.isfile(n)]
        if not matching:
            raise DataError(
                f"Expected shards that match {one!r}, but there are none. Give a "
                'pattern such as "shards:photos/train-*.tar".'
            )
        found += matching
    return sorted(set(found))


def is_url(spec: str) -> bool:
    """Say whether shards lie on another machine.

    Args:
        spec: What `open_shards` takes.
    """
    return remote.is_url(spec.removeprefix(PREFIX))


def in_full(spec: str) -> str:
    """Return a pattern that means the same from every folder.

    Args:
        spec: What `open_shards` takes.
    """
    pattern = spec.removeprefix(PREFIX)
    if is_url(spec):
        return spec
    return PREFIX + os.path.abspath(os.path.expanduser(pattern))


def expanded(pattern: str) -> Iterator[str]:
    """Yield what a pattern with `{a,b}` and `{000..127}` stands for.

    Args:
        pattern: The pattern.

    Example:
        >>> list(expanded("{train,val}-{08..10}.tar"))[:4]
        ['train-08.tar', 'train-09.tar', 'train-10.tar', 'val-08.tar']
    """
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        yield pattern
        return
    limits = re.fullmatch(r"(\d+)\.\.(\d+)", match[1])
    choices: Sequence[str] = match[1].split(",")
    if limits:
        numbers = range(int(limits[1]), int(limits[2]) + 1)
        choices = [f"{number:0{len(limits[1])}d}" for number in numbers]
    for choice in choices:
        yield from expanded(pattern[: match.start()] + choice + pattern[match.end() :])


def kind_of(path: str) -> str:
    """Return the kind of shard that a file's name says; "" for none.

    Args:
        path: The file.
    """
    name = os.path.basename(path).lower()
    if name.endswith(COMPRESSED):
        return ""
    if name.endswith(TAR_ENDINGS):
        return TAR
    return TFRECORD if TFRECORD_NAME.search(name) else ""
