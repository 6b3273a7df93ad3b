"""Finds where errors sit, and whether changing the property there takes them away."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from kerasnorm.doctor.loss_matrix.proportions import Change, paired_change
from kerasnorm.doctor.probes.images.looked_at import ImageSet, Network
from kerasnorm.doctor.probes.images.properties import by_name
from kerasnorm.doctor.sampling.samples import Samples

# Parts of the images, from the smallest and from the largest value, that are looked at.
PARTS = (0.1, 0.2, 0.35)
# Accuracy that a segment is behind the rest, and the level of the test, divided by how
# many segments were looked at.
BEHIND, LEVEL = 0.1, 0.01
# Samples of a segment, and segments that are changed.
FEWEST, CHANGED = 20, 2


@dataclass(frozen=True)
class Segment:
    """Samples that have something in common and are got wrong more often.

    Args:
        what: `"class"`, `"folder"` or the name of a property.
        name: What they have in common.
        samples: How many.
        accuracy: Fraction that is right.
        rest: Fraction of all others that is.
        p_value: Of as many errors by chance, class by class, times the segments that
            were looked at.
        looked_at: How many those were.
        members: Numbers of the samples.
        wanted: Value of the property that the rest has in the middle, None without.
        change: Accuracy with the property at that value minus accuracy as it is, None
            where nothing was changed.
    """

    what: str
    name: str
    samples: int
    accuracy: float
    rest: float
    p_value: float
    looked_at: int
    members: np.ndarray
    wanted: float | None = None
    change: Change | None = None


def find_segments(
    samples: Samples, right: np.ndarray, images: ImageSet | None
) -> list[Segment]:
    """Return segments with more errors than chance, the clearest first.

    Errors are compared class by class, so that a hard class does not show as the
    property that its images have. Of overlapping segments of one kind only the clearest
    one is returned.

    Args:
        samples: Samples of one split.
        right: Whether each is right, (samples,).
        images: The samples as images, None where they are none.
    """
    labels = samples.classes()
    if labels is None or right.all() or not right.any():
        return []
    candidates = [*_classes(labels), *_folders(samples), *_property_parts(images)]
    found = []
    for what, name, members, wanted in candidates:
        inside = np.zeros(len(right), bool)
        inside[members] = True
        if inside.sum() < FEWEST or (~inside).sum() < FEWEST:
            continue
        strata = np.zeros_like(labels) if what == "class" else labels
        found.append(
            Segment(
                what,
                name,
                int(inside.sum()),
                float(right[inside].mean()),
                float(right[~inside].mean()),
                excess_of_errors(~right, inside, strata),
                len(candidates),
                members,
                wanted,
            )
        )
    proved = [
        replace(s, p_value=min(1.0, s.p_value * s.looked_at))
        for s in found
        if s.rest - s.accuracy >= BEHIND and s.p_value * s.looked_at < LEVEL
    ]
    best: dict[str, Segment] = {}
    for segment in sorted(proved, key=lambda s: s.p_value):
        best.setdefault(segment.what, segment)
    return list(best.values())


def _classes(labels: np.ndarray) -> Iterator[tuple]:
    for number in np.unique(labels):
        yield "class", f"class {number}", np.flatnonzero(labels == number), None


def _folders(samples: Samples) -> Iterator[tuple]:
    if samples.files is None:
        return
    folders = np.array([str(pathlib.PurePath(f).parent) for f in samples.files])
    for folder in np.unique(folders):
        yield "folder", f"folder {folder}", np.flatnonzero(folders == folder), None


def _property_parts(images: ImageSet | None) -> Iterator[tuple]:
    for name, values in (images.properties if images else {}).items():
        order = np.argsort(values, kind="stable")
        words = by_name(name)
        for part in PARTS:
            size = round(part * len(order))
            for word, members in (
                (words.less, order[:size]),
                (words.more, order[len(order) - size :]),
            ):
                rest = np.setdiff1d(order, members)
                yield (
                    name,
                    f"{word} images (the {part:.0%} with the "
                    f"{'smallest' if word == words.less else 'largest'} {name})",
                    members,
                    float(np.median(values[rest])),
                )


def excess_of_errors(
    wrong: np.ndarray, inside: np.ndarray, strata: np.ndarray
) -> float:
    """Return the p-value of so many errors inside, compared stratum by stratum.

    Args:
        wrong: Whether each sample is wrong.
        inside: Whether each is in the segment.
        strata: Stratum of each, such as its class.

    Reference:
        Mantel and Haenszel, "Statistical aspects of the analysis of data from
        retrospective studies of disease", JNCI 22, 1959.
    """
    excess = variance = 0.0
    for number in np.unique(strata):
        own = strata == number
        count, errors, members = own.sum(), (wrong & own).sum(), (inside & own).sum()
        if count < 2:
            continue
        excess += (wrong & inside & own).sum() - members * errors / count
        variance += (
            members
            * (count - members)
            * errors
            * (count - errors)
            / (count**2 * (count - 1))
        )
    if variance <= 0:
        return 1.0
    # Half an error less: counts are whole numbers.
    return float(stats.norm.sf((excess - 0.5) / variance**0.5))


def try_segments(
    found: list[Segment], images: ImageSet, network: Network
) -> list[Segment]:
    """Set the property of the clearest segments to what the rest has.

    Args:
        found: Segments, the clearest first.
        images: The images that they are of.
        network: The network.
    """
    tried, left = [], CHANGED
    for segment in found:
        if segment.wanted is None or not left:
            tried.append(segment)
            continue
        left -= 1
        members = np.sort(segment.members)
        target = np.full(len(members), segment.wanted)
        scores = network.answer(images.changed(segment.what, target, members))
        change = None
        if scores is not None:
            change = paired_change(images.scores.correct[members], scores.correct)
        tried.append(replace(segment, change=change))
    return tried
