"""Groups of files that are the same, or show the same, within and across splits."""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from kerasnorm.data.scan_file import FileScan

# Of 64 bits. Among 3,000 photos of cats and dogs, the two pairs that show the same
# scene differ in 0 and 4 bits, the closest pairs of different scenes in 8.
MAX_DISTANCE = 5


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Files that are copies of one picture.

    Args:
        kind: "exact" for the same bytes, "near" for the same look.
        paths: The files, two or more. Of a near group all look like the first; two
            others may be less alike.
        across_splits: Whether they lie in different splits, so that validation sees
            what training has seen.
    """

    kind: str
    paths: tuple[str, ...]
    across_splits: bool


def find_duplicates(
    files: Sequence[FileScan], splits: Sequence[str | None]
) -> tuple[Duplicates, ...]:
    """Find groups of equal and of nearly equal pictures.

    Args:
        files: Scanned files.
        splits: Name of the split of each file, None for none.

    Returns:
        Exact groups, then near groups; a near group names each exact copy once only.
    """
    exact: dict[bytes, list[int]] = collections.defaultdict(list)
    for position, file in enumerate(files):
        if file.digest is not None:
            exact[file.digest].append(position)
    first = {position: group[0] for group in exact.values() for position in group}
    shown = [
        position
        for position, file in enumerate(files)
        if file.look is not None and first.get(position) == position
    ]
    near = near_groups(
        np.array([files[position].look for position in shown], np.uint64),
        [splits[position] for position in shown],
        MAX_DISTANCE,
    )
    found = [("exact", group) for group in exact.values() if len(group) > 1]
    found += [("near", [shown[member] for member in group]) for group in near]
    return tuple(
        Duplicates(
            kind,
            tuple(files[position].path for position in group),
            len({splits[position] for position in group}) > 1,
        )
        for kind, group in found
    )


def near_groups(
    looks: np.ndarray, splits: Sequence[str | None], max_distance: int
) -> list[list[int]]:
    """Group hashes around some of them, so that none goes without its like.

    Likeness does not carry over: of A, B and C, B may be like both and A not like C.
    So a group is one hash and all that are like it, and a hash may be in several.
    Every hash that has its like is in a group, and every one that has it in another
    split is in a group with members of different splits.

    Args:
        looks: 64-bit hashes, uint64.
        splits: Name of the split of each.
        max_distance: Number of bits in which hashes that are alike differ at most.

    Returns:
        Positions of hashes, the one that the others are like first.
    """
    near_to = near_search(looks, max_distance)
    names = np.array([str(split) for split in splits])
    is_grouped = np.zeros(len(looks), bool)
    is_warned_of = np.zeros(len(looks), bool)
    # Among files of one split there is nothing to warn of.
    known = is_warned_of if len(set(splits)) > 1 else is_grouped
    groups = []
    for middle in range(len(looks)):
        if known[middle]:
            continue
        others = near_to(middle)
        across = bool(np.any(names[others] != names[middle]))
        if len(others) and (across or not is_grouped[middle]):
            group = [middle, *others.tolist()]
            is_grouped[group] = True
            is_warned_of[group] |= across
            groups.append(group)
    return groups


def near_search(looks: np.ndarray, max_distance: int) -> Callable[[int], np.ndarray]:
    """Prepare to find the hashes that differ from one in at most so many bits.

    Two hashes that differ in d bits agree in at least one of d + 1 bands of bits, so
    only hashes that share a band are compared.

    Args:
        looks: 64-bit hashes, uint64.
        max_distance: Number of bits.

    Returns:
        Function from the position of a hash to those of the others, sorted.
    """
    borders = np.linspace(0, 64, max_distance + 2).astype(int)
    bands = []
    for low, high in itertools.pairwise(borders):
        band = (looks >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        bands.append((band, order, band[order]))

    def near_to(middle: int) -> np.ndarray:
        is_near = np.zeros(len(looks), bool)
        for band, order, values in bands:
            start, stop = (
                np.searchsorted(values, band[middle], side)
                for side in ("left", "right")
            )
            found = order[start:stop]
            distances = np.bitwise_count(looks[found] ^ looks[middle])
            is_near[found[distances <= max_distance]] = True
        is_near[middle] = False
        return np.flatnonzero(is_near)

    return near_to
