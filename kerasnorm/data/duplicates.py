"""Groups of files that are the same, or show the same, within and across splits."""

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Sequence

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
        paths: The files, two or more.
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
    looks = np.array([files[position].look for position in shown], np.uint64)
    near = groups_of(
        len(shown), near_pairs(looks, MAX_DISTANCE) if len(shown) > 1 else ()
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


def near_pairs(looks: np.ndarray, max_distance: int) -> Iterable[tuple[int, int]]:
    """Yield pairs of hashes that differ in at most so many bits.

    Two hashes that differ in d bits agree in at least one of d + 1 bands of bits, so
    only hashes that share a band are compared.

    Args:
        looks: 64-bit hashes, uint64.
        max_distance: Number of bits.
    """
    borders = np.linspace(0, 64, max_distance + 2).astype(int)
    for low, high in itertools.pairwise(borders):
        band = (looks >> np.uint64(low)) & np.uint64((1 << int(high - low)) - 1)
        order = np.argsort(band, kind="stable")
        edges = np.flatnonzero(np.diff(band[order])) + 1
        for bucket in np.split(order, edges):
            for place, member in enumerate(bucket[:-1]):
                others = bucket[place + 1 :]
                distances = np.bitwise_count(looks[others] ^ looks[member])
                for other in others[distances <= max_distance]:
                    yield int(member), int(other)


def groups_of(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the groups of two or more that pairs tie together, in order.

    Args:
        count: Number of members.
        pairs: Ties between members.
    """
    leader = list(range(count))

    def find(member: int) -> int:
        while leader[member] != member:
            leader[member] = leader[leader[member]]
            member = leader[member]
        return member

    for one, other in pairs:
        low, high = sorted((find(one), find(other)))
        leader[high] = low
    groups: dict[int, list[int]] = collections.defaultdict(list)
    for member in range(count):
        groups[find(member)].append(member)
    return [group for group in groups.values() if len(group) > 1]
