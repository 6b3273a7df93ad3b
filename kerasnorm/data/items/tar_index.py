"""WebDataset shards: which members of a tar file are images, and their labels."""

import collections
import json
import os
import posixpath
import tarfile
from collections.abc import Iterator
from typing import Any

from kerasnorm.data.items.shard_table import Found

#: Members that can be images, by the end of their names.
IMAGE_ENDINGS = frozenset(
    "jpg jpeg jpe jfif png gif bmp webp avif tif tiff ppm pgm jp2 j2k".split()
)
LABEL_ENDINGS = ("json", "cls")
# What labels are said in; larger members are something else.
MAX_LABEL_BYTES = 1_000_000


def read_tar(path: str, rejected: list[tuple[str, str]]) -> Iterator[Found]:
    """Pass through a tar file once and yield its images.

    The label of an image is that of the member of the same name that ends in .json
    (its "label") or .cls.

    Args:
        path: The tar file.
        rejected: What cannot be used is added, with the reason; "" for the shard.

    Yields:
        Images in the order of the file; of several with the same name the last.
    """
    images: dict[str, tarfile.TarInfo] = {}
    labels: dict[str, tuple[str, str]] = {}
    try:
        with tarfile.open(path, "r:", errors="surrogateescape") as tar:
            for member in _members(tar):
                ending = member.name.rpartition(".")[2].lower()
                if ending in LABEL_ENDINGS:
                    stem = member.name[: -len(ending) - 1]
                    if ending == "json" or stem not in labels:
                        found = _label(tar, member, ending)
                        if found is not None:
                            labels[stem] = found
                elif ending in IMAGE_ENDINGS:
                    images[member.name] = member
            if not _has_end(path, tar.offset):
                rejected.append(("", "truncated: the shard has no end mark"))
    except tarfile.ReadError as error:
        what = "truncated" if images else "not an uncompressed tar file"
        count = f" after {len(images):,} images" if images else ""
        rejected.append(("", f"{what}{count} ({str(error) or type(error).__name__})"))
    except OSError as error:
        rejected.append(("", error.strerror or str(error)))
    yield from _labelled(images, labels, os.path.getsize(path), rejected)


def _members(tar: Any) -> Iterator[tarfile.TarInfo]:
    """Yield regular files; the list of them that Python keeps would fill the memory."""
    while (member := tar.next()) is not None:
        tar.members.clear()
        if member.isreg() and not posixpath.basename(member.name).startswith("."):
            member.name = member.name.removeprefix("./")
            yield member


def _label(
    tar: tarfile.TarFile, member: tarfile.TarInfo, ending: str
) -> tuple[str, str] | None:
    """Return a label and what is wrong with it; None where the member says none."""
    file = tar.extractfile(member) if member.size <= MAX_LABEL_BYTES else None
    content = b"" if file is None else file.read()
    if ending == "cls":
        text = content.decode("utf-8", "surrogateescape").strip()
        return (text, "") if text else ("", f"no label in {member.name}")
    try:
        values = json.loads(content)
    except ValueError:
        return "", f"{member.name} is not JSON"
    label = values.get("label") if isinstance(values, dict) else None
    if label is None:
        # Other things are said of images, too.
        return None
    if isinstance(label, bool) or not isinstance(label, str | int) or label == "":
        return "", f"the label in {member.name} is not a word or a number"
    return str(label).strip(), ""


def _labelled(
    images: dict[str, tarfile.TarInfo],
    labels: dict[str, tuple[str, str]],
    size: int,
    rejected: list[tuple[str, str]],
) -> Iterator[Found]:
    """Give each image its label, by its whole name or by what WebDataset calls key."""
    stems = {name: name.rpartition(".")[0] for name in images}
    by_key = collections.Counter(key_of(name) for name in images)
    for name, member in images.items():
        stem, key = stems[name], key_of(name)
        if member.offset_data + member.size > size:
            rejected.append((name, "truncated: the shard ends before the image does"))
            continue
        if stem not in labels and key in labels and by_key[key] > 1 and stem != key:
            rejected.append((name, f"a further image of the sample {key}"))
            continue
        label, problem = labels.get(stem) or labels.get(key) or ("", "")
        if problem:
            rejected.append((name, problem))
        else:
            yield Found(name, member.offset_data, member.size, label)


def key_of(name: str) -> str:
    """Return what WebDataset calls the key: the name up to the first dot of its file.

    Args:
        name: Name of a member.

    Example:
        >>> key_of("v1.0/cat/7.left.jpg")
        'v1.0/cat/7'
    """
    folder, file = posixpath.split(name)
    return posixpath.join(folder, file.partition(".")[0])


def _has_end(path: str, offset: int) -> bool:
    """Say whether zeros follow the last member, as every program writes them."""
    with open(path, "rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    return len(block) == tarfile.BLOCKSIZE and not any(block)
