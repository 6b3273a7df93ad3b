"""Groups of files that are the same, or show the same, across splits and classes."""

import collections
import dataclasses
import itertools
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from kerasnorm.data.scan.scan_file import FileScan

# Of 64 bits. Among 3,000 photos of cats and dogs, the two pairs that show the same
# scene differ in 0 and 4 bits, the closest pairs of different scenes in 8.
MAX_DISTANCE = 5


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Files that are copies of one image.

    Args:
        kind: "exact" for the same bytes, "near" for the same look.
        paths: The files, two or more. Of a near group all look like the first; two
            others may be less alike.
        across_splits: Whether they lie in different splits, so that validation sees
            what training has seen.
        classes: The classes they lie in, sorted; two or more are a label conflict.
    """

    kind: str
    paths: tuple[str, ...]
    across_splits: bool
    classes: tuple[str, ...] = ()

    @property
    def is_label_conflict(self) -> bool:
        """Whether one image has several labels, of which at most one can be right."""
        return len(self.classes) > 1


def find_duplicates(
    files: Sequence[FileScan], places: Sequence[tuple[str, str]]
) -> tuple[Duplicates, ...]:
    """Find groups of equal and of nearly equal images.

    Args:
        files: Scanned files.
        places: Split and class of each file, "" for none.

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
        [places[position] for position in shown],
        MAX_DISTANCE,
    )
    found = [("exact", group) for group in exact.values() if len(group) > 1]
    found += [("near", [shown[member] for member in group]) for group in near]
    return tuple(
        Duplicates(
            kind,
            tuple(files[position].path for position in group),
            len({places[position][0] for position in group}) > 1,
            tuple(sorted({places[position][1] for position in group} - {""})),
        )
        for kind, group in found
    )


def near_groups(
    looks: np.ndarray, places: Sequence[Hashable], max_distance: int
) -> list[list[int]]:
    """Group hashes around some of them, so that none goes without its like.

    Likeness does not carry over: of A, B and C, B may be like both and A not like C.
    So a group is one hash and all that are like it, and a hash may be in several.
    Every hash that has its like is in a group, and every one that has it in another
    place is in a group with members of different places.

    Args:
        looks: 64-bit hashes, uint64.
        places: Where each is, its split and class.
        max_distance: Number of bits in which hashes that are alike differ at most.

    Returns:
        Positions of hashes, the one that the others are like first.
    """
    near_to = near_search(looks, max_distance)
    numbers = {name: number for number, name in enumerate(set(places))}
    place = np.array([numbers[name] for name in places], int)
    is_grouped = np.zeros(len(looks), bool)
    is_warned_of = np.zeros(len(looks), bool)
    # Among files of one place there is nothing to warn of.
    known = is_warned_of if len(set(places)) > 1 else is_grouped
    groups = []
    for middle in range(len(looks)):
        if known[middle]:
            continue
        others = near_to(middle)
        across = bool(np.any(place[others] != place[middle]))
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
