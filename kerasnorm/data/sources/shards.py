"""Shards of images, WebDataset tar files or TFRecord files, as a source."""

import concurrent.futures
import functools
import itertools
import os
import pathlib
import posixpath
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.items.shard_items import Places, ShardItems
from kerasnorm.data.items.shard_table import ShardTable, table_of
from kerasnorm.data.items.tar_index import read_tar
from kerasnorm.data.items.texts import Texts
from kerasnorm.data.items.tfrecord_index import Keys, read_tfrecord
from kerasnorm.data.progress import Progress
from kerasnorm.data.sources.layout import Layout, part_of
from kerasnorm.data.sources.listing import Listing, list_labelled
from kerasnorm.data.sources.shard_files import TAR, TFRECORD, find_shards, kind_of

Reader = Callable[[str, list[tuple[str, str]]], Iterator]


def open_shards(spec: str) -> Listing:
    """List the images of shards.

    The shards are passed through once, side by side; where their images lie is kept in
    the user's cache directory. Their names may say the part ("train-00000.tar").

    Args:
        spec: "shards:" and a pattern with `*`, `?`, `[...]`, `{a,b}` and
            `{00000..00127}`, a folder, or a file; also the URL of these.

    Raises:
        DataError: There are no shards, they are of several kinds, or they hold no
            images of two classes.
    """
    shards = find_shards(spec)
    kind, read = reader_of(shards, spec)
    tables = read_tables(shards, kind, read)
    return list_tables(shards, tables, kind, spec)


def reader_of(shards: Sequence[str], spec: str) -> tuple[str, Reader]:
    """Return the one kind that shards have, and what passes through them."""
    kinds = {kind_of(path): path for path in shards}
    if "" in kinds:
        raise DataError(
            f"Expected uncompressed tar or TFRecord files in {spec}, received "
            f"{kinds['']}. Images cannot be read from the middle of a compressed "
            "file: unpack it, or narrow the pattern."
        )
    if len(kinds) > 1:
        several = " and ".join(kinds.values())
        raise DataError(
            f"Expected shards of one kind in {spec}, received {several}. Narrow the "
            "pattern."
        )
    kind = next(iter(kinds))
    if kind == TAR:
        return kind, read_tar
    return kind, functools.partial(read_tfrecord, keys=Keys())


def read_tables(shards: Sequence[str], kind: str, read: Reader) -> list[ShardTable]:
    """Return what each shard holds; side by side, from the cache where it is known.

    Args:
        shards: The shards.
        kind: What decides, beside the shard, what is found in it.
        read: Passes through a shard.
    """
    with (
        Progress("indexing shards") as progress,
        concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool,
    ):
        tables = []
        for table in pool.map(lambda path: table_of(path, kind, read), shards):
            tables.append(table)
            progress(len(tables), len(shards))
    return tables


def list_tables(
    shards: Sequence[str], tables: Sequence[ShardTable], kind: str, spec: str
) -> Listing:
    """List the images that tables of shards name."""
    directory = os.path.commonpath([os.path.dirname(path) or "." for path in shards])
    places = [os.path.relpath(path, directory).replace(os.sep, "/") for path in shards]
    ignored = [
        (os.path.join(shard, name) if name else shard, reason)
        for shard, table in zip(shards, tables, strict=True)
        for name, reason in table.rejected
    ]
    items = collect(shards, places, tables, is_numbered=kind == TFRECORD)
    labels = Texts.of(itertools.chain(*(table.labels for table in tables)))
    members = Texts.of(itertools.chain(*(table.names for table in tables)))
    said = np.array([part_of(posixpath.basename(place)) or "" for place in places])
    parts = said[items.where.shard]
    labels, parts = with_folders(labels, members, parts)
    has_label = np.fromiter(map(bool, labels), bool, len(labels))
    missing = np.flatnonzero(~has_label)
    why = "no label: neither a .json, a .cls nor a folder says one"
    ignored += [(items.paths[place], why) for place in missing.tolist()]
    if missing.size:
        rest = np.flatnonzero(has_label)
        items, labels, parts = items.take(rest), labels.take(rest), parts[rest]
    layout = Layout(pathlib.Path(directory), {}, name=spec)
    return list_labelled(items, labels, parts, layout, ignored)


def collect(
    shards: Sequence[str],
    places: Sequence[str],
    tables: Sequence[ShardTable],
    *,
    is_numbered: bool,
) -> ShardItems:
    """Return the images of several shards.

    They are called by their names in the shards, so that another number of shards
    divides them in the same way; with the shard before it where names repeat.

    Args:
        shards: The shards.
        places: Their paths below the folder of all.
        tables: What they hold.
        is_numbered: Whether names are the numbers of records.
    """
    members = [name for table in tables for name in table.names]
    if is_numbered or len(set(members)) < len(members):
        members = [
            f"{place}/{name}"
            for place, table in zip(places, tables, strict=True)
            for name in table.names
        ]
    return ShardItems(
        Texts.of(
            f"{shard}/{name}"
            for shard, table in zip(shards, tables, strict=True)
            for name in table.names
        ),
        members,
        Places(
            tuple((s, t.stamp) for s, t in zip(shards, tables, strict=True)),
            np.repeat(
                np.arange(len(tables), dtype=np.int32), [len(t.names) for t in tables]
            ),
            np.concatenate([table.places for table in tables]),
        ),
    )


def with_folders(
    labels: Texts, members: Texts, parts: np.ndarray
) -> tuple[Texts, np.ndarray]:
    """Return labels, taken from the folders of names where a shard says none.

    Folders that all images of a part have in common are none of a class.

    Args:
        labels: Labels; "" where there is none.
        members: Names in the shards.
        parts: Part of each image that the name of its shard says, "" for none.

    Returns:
        The labels, and the parts, which folders may say, too.
    """
    has_label = np.fromiter(map(bool, labels), bool, len(labels))
    lacking = np.flatnonzero(~has_label)
    if not lacking.size:
        return labels, parts
    found: dict[int, str] = {}
    parts = parts.astype("U10")
    for part in np.unique(parts[lacking]).tolist():
        its = lacking[parts[lacking] == part]
        folders = [posixpath.dirname(name).split("/") for name in members.take(its)]
        depth = _depth_of_classes(folders)
        inner = min(map(len, folders)) > depth + 1
        told = [part_of(folder[depth]) or "" for folder in folders]
        if not part and inner and all(told):
            parts[its], depth = told, depth + 1
        its_classes = (folder[depth] for folder in folders)
        found |= dict(zip(its.tolist(), its_classes, strict=True))
    return Texts.of(found.get(n, label) for n, label in enumerate(labels)), parts


def _depth_of_classes(folders: list[list[str]]) -> int:
    first, last = min(folders), max(folders)
    pairs = enumerate(zip(first, last, strict=False))
    common = next((n for n, (one, other) in pairs if one != other), len(first))
    # In the deepest folder that all have in common lie images of one class alone.
    return min(common, min(map(len, folders)) - 1)
