"""Data sets of tensorflow-datasets, read from the record files that it has prepared."""

import functools
import itertools
import os
import pathlib
import re
from typing import Any

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.items.shard_items import Places, ShardItems
from kerasnorm.data.items.tfrecord_index import Keys, read_tfrecord
from kerasnorm.data.sources import datasets_tf
from kerasnorm.data.sources.layout import Layout, find_layout
from kerasnorm.data.sources.listing import Listing, list_classes, list_labelled
from kerasnorm.data.sources.shard_files import TFRECORD
from kerasnorm.data.sources.shards import read_tables

PREFIX = "tfds:"


def open_dataset(spec: str, data_dir: str | os.PathLike | None = None) -> Listing:
    """List the images of a data set where tensorflow-datasets keeps them.

    Nothing is copied: each image is read from its record by its offset. Only cats and
    dogs, of which the builder leaves many out, and data sets in another format than
    TFRecord are written into class folders, once.

    Args:
        spec: "tfds:NAME" or "tfds:NAME:SPLIT"; without a split its own parts are
            taken.
        data_dir: Where tensorflow-datasets keeps its data; default: its own.

    Raises:
        DataError: There is no such data set or split, it is not one of classified
            images, or it is neither prepared nor to be had from the network.
    """
    name, _, split = spec.removeprefix(PREFIX).partition(":")
    builder = datasets_tf.builder_of(name, data_dir)
    keys = datasets_tf.image_and_label(builder)
    if datasets_tf.is_archived(builder, split):
        return _exported(spec, data_dir)
    datasets_tf.prepare(builder)
    if builder.info.file_format.value != "tfrecord":
        return _exported(spec, data_dir)
    sides = datasets_tf.wanted_splits(builder, split)
    found = _Found()
    for side, wanted in sides.items():
        taken = _read(builder, wanted, keys, side, found)
        if not taken and side not in datasets_tf.EVALUATED:
            raise DataError(
                f"Expected images with labels in split {wanted!r} of {name!r}, "
                "but there are none. Choose another split or data set."
            )
    items = ShardItems(found.paths, found.names, found.places())
    layout = Layout(pathlib.Path(builder.data_dir), {}, name=spec)
    parts = np.array(found.parts)
    return list_labelled(items, found.labels, parts, layout, found.rejected)


def _exported(spec: str, data_dir: str | os.PathLike | None) -> Listing:
    folder = datasets_tf.export_dataset(spec.removeprefix(PREFIX), data_dir)
    return list_classes(find_layout(folder))


class _Found:
    """Images of all splits that were taken."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.names: list[str] = []
        self.labels: list[str] = []
        self.parts: list[str] = []
        self.rejected: list[tuple[str, str]] = []
        self.shards: list[tuple[str, tuple[int, int]]] = []
        self.shard: list[np.ndarray] = []
        self.rows: list[np.ndarray] = []

    def places(self) -> Places:
        """Return where the images lie."""
        shard, rows = self.shard, self.rows
        empty = np.zeros((0, 4), np.int64)
        return Places(
            tuple(self.shards),
            np.concatenate([np.zeros(0, np.int32), *shard]),
            np.concatenate([empty, *rows]),
        )


def _read(
    builder: Any, split: str, keys: tuple[str, str], side: str, found: _Found
) -> int:
    """Add the labelled images of one split; return how many there are."""
    image, label = keys
    class_names = builder.info.features[label].names
    instructions = builder.info.splits[split].file_instructions
    files = [os.fspath(instruction.filename) for instruction in instructions]
    read = functools.partial(read_tfrecord, keys=Keys((image,), (label,)))
    tables = read_tables(files, f"{TFRECORD} {image} {label}", read)
    count = itertools.count()
    before = len(found.paths)
    for instruction, path, table in zip(instructions, files, tables, strict=True):
        stop = instruction.skip + instruction.take
        chosen = []
        for place, (record, text) in enumerate(
            zip(table.names, table.labels, strict=True)
        ):
            number, ending = os.path.splitext(record)
            is_taken = instruction.take < 0 or int(number) < stop
            if not (is_taken and int(number) >= instruction.skip):
                continue
            position = next(count)
            # The label of images whose labels are kept for a competition.
            if int(text) < 0:
                continue
            its_class = class_names[int(text)]
            chosen.append(place)
            found.paths.append(os.path.join(path, record))
            folder = "/".join(filter(None, (side, re.sub(r"[/\\]", "_", its_class))))
            found.names.append(f"{folder}/{position:07d}{ending}")
            found.labels.append(its_class)
            found.parts.append(side)
        found.shard.append(np.full(len(chosen), len(found.shards), np.int32))
        found.shards.append((path, table.stamp))
        found.rows.append(table.places[chosen])
        found.rejected += [
            (os.path.join(path, record) if record else path, reason)
            for record, reason in table.rejected
        ]
    return len(found.paths) - before
