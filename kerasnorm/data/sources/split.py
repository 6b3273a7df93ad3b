"""Divides a table of files into training, validation and test, the same way again."""

import collections
import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.index import ImageIndex

TRAIN, VALIDATION, TEST = PARTS = ("train", "validation", "test")


def split_index(
    index: ImageIndex, validation_fraction: float, seed: int
) -> tuple[ImageIndex, ImageIndex]:
    """Split a table at random into training and validation, class by class.

    Every class gives the same fraction, and at least one file to either side. Each
    file has its place by a hash of the seed and its name, so that files that come or
    go move hardly any other.

    Args:
        index: The table.
        validation_fraction: Fraction of the files for validation, above 0, below 1.
        seed: The same seed gives the same split of the same table.

    Returns:
        The training table and the validation table, each in the order of `index`.

    Raises:
        DataError: The fraction is out of range, or a class has only one file.
    """
    parts, _ = assign_parts(index, {VALIDATION: validation_fraction}, seed)
    divided = take_parts(index, parts)
    return divided[TRAIN], divided[VALIDATION]


def take_parts(index: ImageIndex, parts: np.ndarray) -> dict[str, ImageIndex]:
    """Return the table of each part that has files, in the order of the index.

    Args:
        index: The table.
        parts: Name of the part of each file.
    """
    tables = {
        part: index.take(np.flatnonzero(parts == part))
        for part in PARTS
        if np.any(parts == part)
    }
    tables[TRAIN] = dataclasses.replace(tables[TRAIN], ignored=index.ignored)
    return tables


def assign_parts(
    index: ImageIndex,
    fractions: Mapping[str, float],
    seed: int,
    *,
    groups: Sequence[Sequence[int]] = (),
    fixed: Mapping[int, str] | None = None,
) -> tuple[np.ndarray, list[int]]:
    """Say which part each file belongs to, class by class.

    Args:
        index: The table.
        fractions: Fraction of each class by part, "validation" and "test"; the rest
            trains.
        seed: Decides, together with the names of the files.
        groups: Positions of files that belong together; they may overlap. One that
            has more files of a class than its part may have trains.
        fixed: Parts that are known already, by position.

    Returns:
        The part of each file, and the positions of files that were put into training
        because they would have linked two parts.

    Raises:
        DataError: A fraction is out of range, or a class has too few files.
    """
    _check_fractions(fractions)
    fixed = fixed or {}
    parts = np.full(len(index), "", dtype="U10")
    for position, part in fixed.items():
        parts[position] = part
    is_fixed = parts != ""
    keys = rank_keys(index.names, seed)
    members = members_of_classes(index)
    wanted = [
        _wanted(name, parts[its], fractions)
        for name, its in zip(index.class_names, members, strict=True)
    ]
    units = units_of(len(index), groups)
    links = _settle_groups(index, units, parts, keys, fractions, wanted)
    for its, counts in zip(members, wanted, strict=True):
        _divide_class(its, counts, units, keys, parts)
        for part, count in counts.items():
            if not np.any(parts[its] == part) and not np.any(is_fixed[its]):
                # All belong together, and yet no part can do without a class.
                free = its[np.isin(parts[its], ("", TRAIN))]
                parts[free[np.argsort(keys[free])][:count]] = part
    parts[parts == ""] = TRAIN
    return parts, sorted(links)


def _divide_class(
    members: np.ndarray,
    counts: Mapping[str, int],
    units: np.ndarray,
    keys: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Give whole units of one class to its parts, in a random order."""
    free = members[parts[members] == ""]
    _, its_unit = np.unique(units[free], return_inverse=True)
    sizes = np.bincount(its_unit).tolist()
    first = np.full(len(sizes), np.iinfo(np.uint64).max)
    np.minimum.at(first, its_unit, keys[free])
    ranked = np.argsort(first, kind="stable").tolist()
    part_of_unit = np.full(len(sizes), "", parts.dtype)
    is_taken = [False] * len(sizes)
    for part, count in counts.items():
        missing = count - int(np.sum(parts[members] == part))
        # From both ends: a test part does not change who validates.
        for unit in ranked[::-1] if part == TEST else ranked:
            if missing <= 0:
                break
            if sizes[unit] <= missing and not is_taken[unit]:
                part_of_unit[unit], is_taken[unit] = part, True
                missing -= sizes[unit]
    if len(free):
        parts[free] = part_of_unit[its_unit]


def members_of_classes(index: ImageIndex) -> list[np.ndarray]:
    """Return the positions of the images of each class, in one pass over all.

    Args:
        index: The images.
    """
    counts = np.bincount(index.labels, minlength=len(index.class_names))
    order = np.argsort(index.labels, kind="stable")
    return np.split(order, np.cumsum(counts)[:-1])


def rank_keys(names: Sequence[str], seed: int, purpose: str = "") -> np.ndarray:
    """Return a number for each name that looks random and depends on nothing else.

    Args:
        names: The names.
        seed: Another seed gives other numbers.
        purpose: Likewise, for numbers that must not depend on each other.

    Returns:
        Array of uint64, (names,).
    """
    key = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=16).digest()
    return np.fromiter(
        (
            int.from_bytes(
                hashlib.blake2b(os.fsencode(name), digest_size=8, key=key).digest()
            )
            for name in names
        ),
        np.uint64,
        len(names),
    )


def _check_fractions(fractions: Mapping[str, float]) -> None:
    for part, fraction in fractions.items():
        if not 0 < fraction < 1:
            raise DataError(
                f"Expected the {part} fraction to be above 0 and below 1, for "
                "example 0.2. "
                f"Received: {fraction!r}."
            )
    if sum(fractions.values()) >= 1:
        raise DataError(
            "Expected the fractions for validation and test to leave something to "
            "train on. "
            f"Received: {' and '.join(map(str, fractions.values()))}."
        )


def _wanted(
    name: str, known: np.ndarray, fractions: Mapping[str, float]
) -> dict[str, int]:
    """Return how many files of a class each part gets, at least one of each."""
    files = len(known)
    if files <= len(fractions):
        if np.any(known != ""):
            return {}
        raise DataError(
            f"Expected at least {len(fractions) + 1} files of class {name!r} to split, "
            f"received {files} file{'s' * (files != 1)}. Add images or remove the "
            "class."
        )
    wanted: dict[str, int] = {}
    for part, fraction in fractions.items():
        # The others and training get one each.
        room = files - sum(wanted.values()) - (len(fractions) - len(wanted))
        wanted[part] = min(max(round(files * fraction), 1), room)
    return wanted


def units_of(files: int, groups: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the number of the unit of each file; groups that overlap are one.

    Args:
        files: Number of files.
        groups: Positions of files that belong together.
    """
    from scipy.sparse import coo_array, csgraph

    pairs = [(group[0], other) for group in groups for other in group[1:]]
    if not pairs:
        return np.arange(files)
    rows, columns = zip(*pairs, strict=True)
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), (files, files))
    units: np.ndarray = csgraph.connected_components(graph, directed=False)[1]
    return units


def _settle_groups(
    index: ImageIndex,
    units: np.ndarray,
    parts: np.ndarray,
    keys: np.ndarray,
    fractions: Mapping[str, float],
    wanted: Sequence[Mapping[str, int]],
) -> list[int]:
    """Give groups a part that one class alone cannot; return files that link parts."""
    members: dict[int, list[int]] = collections.defaultdict(list)
    for position in np.flatnonzero(np.bincount(units)[units] > 1).tolist():
        members[int(units[position])].append(position)
    links: list[int] = []
    for group in members.values():
        known = {str(part) for part in parts[group] if part}
        new = [position for position in group if not parts[position]]
        if len(known) == 1:
            parts[new] = known.pop()
        elif known:
            parts[new] = TRAIN
            links += new
        elif len(counts := collections.Counter(index.labels[group].tolist())) > 1:
            part = _by_key(min(keys[group]) / 2**64, fractions)
            fits = all(n <= wanted[label].get(part, 0) for label, n in counts.items())
            parts[new] = part if fits else TRAIN
    return links


def _by_key(place: float, fractions: Mapping[str, float]) -> str:
    if place < fractions.get(VALIDATION, 0):
        return VALIDATION
    return TEST if place >= 1 - fractions.get(TEST, 0) else TRAIN
