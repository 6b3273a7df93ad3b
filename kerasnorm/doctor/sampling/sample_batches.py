"""Takes a bounded sample of batches from any iterable, evenly over the epoch."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import keras
import numpy as np

from kerasnorm.doctor.sampling.ragged import join_rows
from kerasnorm.doctor.sampling.samples import Samples, arrays_of
from kerasnorm.inspection.source_forms import (
    as_arrays,
    cut,
    is_whole,
)

# Images of 224 pixels fill this with about 850 samples; two splits stay below 1.1 GB.
MEMORY_LIMIT = 512 * 2**20
# A source of unknown length is followed this far, so that classes that come late in
# the epoch are seen, but an endless generator ends.
STREAM_BATCHES = 2000
UNKNOWN, INFINITE = -2, -1
GOLDEN = (5**0.5 - 1) / 2

IndexedBatch = tuple[int, Any]


def sample_batches(
    source: Any,
    limit: int = 1024,
    *,
    seconds: float = 20.0,
    name: str = "training",
    model: keras.Model | None = None,
) -> Samples:
    """Take at most about `limit` samples, whole batches spread over the epoch.

    Batches that can be asked for by number (lists, `PyDataset`) are; a stream is read
    once, and every k-th batch is kept. The last batch of the epoch is always looked
    at, because its size matters to batch normalization.

    Args:
        source: Iterable of `x`, `(x, y)` or `(x, y, weights)` batches of arrays or
            tensors, or one such tuple of whole arrays; each part may be a nest. Lists
            of numbers or strings are arrays.
        limit: Samples to keep, at least 1.
        seconds: Time after which a source is no longer read.
        name: What the source is, for messages.
        model: The model they are for; its number of inputs tells whole arrays
            `([x1, x2], [y1, y2])` from batches.

    Returns:
        The samples, as NumPy arrays in memory.

    Raises:
        ValueError: If the source holds no batch, batches of different kinds, lists of
            numbers of differing lengths, or fewer inputs than the model takes.
        TypeError: If the source cannot be iterated, or holds numbers, not arrays.

    Example:
        >>> samples = sample_batches([(np.zeros((4, 2)), np.zeros(4))])
        >>> samples.count
        4
    """
    files = getattr(source, "file_paths", getattr(source, "filepaths", None))
    if type(source) in (list, tuple):
        source = as_arrays(source)
    if hasattr(source, "shape"):
        source = (source,)
    inputs = len(getattr(model, "inputs", None) or ())
    whole = is_whole(source, inputs or None)
    if whole:
        source = cut(source)
    if isinstance(source, (str, bytes, Mapping)) or not _is_iterable(source):
        raise TypeError(
            f"expected an iterable of batches as {name} data, received "
            f"{type(source).__name__}"
        )
    length = _length(source)
    if length is not None and hasattr(source, "__getitem__"):
        taken: list[IndexedBatch] = _by_number(source, length, limit, seconds)
        end: int | None = length
    else:
        taken, end = _from_stream(source, length, limit, seconds)
    taken = [(number, batch) for number, batch in taken if batch_size_of(batch)]
    if not taken:
        raise ValueError(
            f"expected at least one batch of {name} data, received none; a generator "
            "that was used before is empty: make a new one"
        )
    bare = not isinstance(taken[0][1], (tuple, list))
    found = _join(taken, end, length, limit, name)
    given = len(list(arrays_of(found.x)))
    if given < inputs:
        raise ValueError(
            f"expected {inputs} arrays of inputs in each batch of {name} data, as the "
            f"model takes, received {given}: hand them over as a list or dict of "
            "arrays; lists of numbers are one array"
        )
    return replace(found, whole=whole, bare=bare, files=_files_of(found, files))


def _is_iterable(source: Any) -> bool:
    return hasattr(source, "__iter__") or hasattr(source, "__getitem__")


def _length(source: Any) -> int | None:
    """Return the number of batches of an epoch, None where nobody knows."""
    if isinstance(source, keras.utils.PyDataset):
        return source.num_batches
    if hasattr(source, "cardinality"):
        length = int(source.cardinality())
        return None if length in (UNKNOWN, INFINITE) else length
    try:
        return len(source)
    except TypeError:
        return None


def _by_number(source, length: int, limit: int, seconds: float) -> list[IndexedBatch]:
    """Take batches evenly over the epoch, and the last one, while there is time."""
    if length == 0:
        return []
    first, last = as_arrays(source[0]), as_arrays(source[length - 1])
    size = max(1, batch_size_of(first))
    keep = max(1, min(length, limit // size))
    chosen = np.unique(np.linspace(0, length - 1, keep).round().astype(int))
    known = {0: first, length - 1: last}
    # By multiples of the golden ratio, what is taken first is spread evenly as well.
    order = np.argsort(np.arange(len(chosen)) * GOLDEN % 1)
    deadline = time.perf_counter() + seconds
    for number in map(int, chosen[order]):
        if number not in known and time.perf_counter() < deadline:
            known[number] = as_arrays(source[number])
    return sorted(known.items(), key=lambda numbered: numbered[0])


def _from_stream(
    source: Iterable, length: int | None, limit: int, seconds: float
) -> tuple[list[IndexedBatch], int | None]:
    """Keep every k-th batch; double k whenever twice the limit has been kept."""
    endless = hasattr(source, "cardinality") and int(source.cardinality()) == INFINITE
    kept: list[IndexedBatch] = []
    stride, number, newest = 1, -1, None
    deadline = time.perf_counter() + seconds
    for number, batch in enumerate(map(as_arrays, source)):
        newest = (number, batch)
        size = max(1, batch_size_of(batch))
        if number == 0 and length is not None:
            stride = max(1, int(length * size / limit))
        if number % stride == 0:
            kept.append(newest)
        if len(kept) * size >= 2 * limit:
            if endless:
                break
            kept, stride = kept[::2], stride * 2
        if number + 1 >= STREAM_BATCHES or time.perf_counter() > deadline:
            break
        if length is not None and number + 1 >= length:
            break
    else:
        if newest is not None and kept[-1][0] != newest[0]:
            kept.append(newest)
        return kept, number + 1
    if length is not None and number + 1 == length:
        if newest is not None and kept[-1][0] != number:
            kept.append(newest)
        return kept, length
    return kept, None


def _parts(batch) -> tuple[Any, Any, Any]:
    if isinstance(batch, (tuple, list)) and 1 <= len(batch) <= 3:
        x, y, weights = (*batch, None, None)[:3]
        return x, y, weights
    return batch, None, None


def batch_size_of(batch: Any) -> int:
    """Return the number of samples of a batch as a source gave it."""
    return len(next(arrays_of(_parts(batch)[0])))


def _to_numpy(value) -> np.ndarray:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
    return array.astype("float32") if array.dtype == np.float64 else array


def _weights(nest: Any) -> Any:
    """Return sample weights as float32, a column of them as (samples,)."""
    return keras.tree.map_structure(
        lambda a: (
            a.astype("float32").reshape(a.shape[: max(a.ndim - 1, 1)])
            if a.shape[-1] == 1
            else a.astype("float32")
        ),
        nest,
    )


def _positions(taken: list[IndexedBatch]) -> list[np.ndarray]:
    """Return the numbers that the samples of each batch have in their epoch."""
    rows = [batch_size_of(batch) for _, batch in taken]
    starts = np.array([number for number, _ in taken]) * rows[0]
    if taken[-1][0] == len(taken) - 1:
        # Every batch was taken: sizes may differ.
        starts = np.cumsum([0, *rows[:-1]])
    return [start + np.arange(count) for start, count in zip(starts, rows, strict=True)]


def _files_of(samples: Samples, files: Any) -> tuple[str, ...] | None:
    """Return the file of each sample, None where the order of the files is unknown.

    A source that shuffles lists its files in another order; then files of one folder
    have labels of several classes.
    """
    labels, positions = samples.classes(), samples.positions
    if files is None or labels is None or positions is None:
        return None
    if positions.max() >= len(files):
        return None
    chosen = tuple(str(files[position]) for position in positions)
    folders = [PurePath(file).parent for file in chosen]
    pairs = set(zip(folders, labels.tolist(), strict=True))
    return chosen if len(pairs) == len(set(folders)) > 1 else None


def _join(taken: list[IndexedBatch], end, length, limit: int, name: str) -> Samples:
    batches = []
    for (_, batch), positions in zip(taken, _positions(taken), strict=True):
        x, y, weights = (
            None if part is None else keras.tree.map_structure(_to_numpy, part)
            for part in _parts(batch)
        )
        weights = None if weights is None else _weights(weights)
        batches.append((x, y, weights, positions))
    rows = [len(next(arrays_of(batch[0]))) for batch in batches]
    last_size = rows[-1] if end is not None and taken[-1][0] == end - 1 else None
    batches, notes = _of_one_form(batches, name)
    batches = _within_memory(batches, limit)
    rows = [len(next(arrays_of(batch[0]))) for batch in batches]
    x, y, weights, positions = (
        _joined([batch[i] for batch in batches]) for i in range(4)
    )
    return Samples(
        x,
        y,
        weights,
        tuple(rows),
        last_size,
        end if end is not None else length,
        tuple(notes),
        positions=positions,
    )


def _of_one_form(batches: list, name: str) -> tuple[list, list[str]]:
    """Leave out batches whose parts have other ranks; lengths may differ."""

    def form(batch):
        return str(
            [
                None
                if part is None
                else keras.tree.map_structure(lambda a: a.ndim, part)
                for part in batch
            ]
        )

    forms = [form(batch) for batch in batches]
    common = max(forms, key=forms.count)
    same = [b for b, f in zip(batches, forms, strict=True) if f == common]
    if len(same) == len(batches):
        return batches, []
    left = len(batches) - len(same)
    return same, [f"{left} of {len(batches)} {name} batches of another form left out"]


def _within_memory(batches: list, limit: int) -> list:
    """Thin the batches evenly to the sample limit and the memory limit."""
    size = max(sum(a.nbytes for a in arrays_of(batch[0])) for batch in batches)
    rows = max(len(next(arrays_of(batch[0]))) for batch in batches)
    keep = max(1, min(MEMORY_LIMIT // max(size, 1), -(-limit // max(rows, 1))))
    if len(batches) > keep:
        chosen = np.unique(np.linspace(0, len(batches) - 1, keep).round().astype(int))
        batches = [batches[i] for i in chosen]
    return batches


def _joined(nests: list) -> Any:
    if nests[0] is None:
        return None
    return keras.tree.map_structure(lambda *arrays: join_rows(arrays), *nests)
