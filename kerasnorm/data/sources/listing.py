"""What every source offers: its layout, and the images of each part when asked for."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.items.items import Items
from kerasnorm.data.sources.index import ImageIndex, index_classes
from kerasnorm.data.sources.layout import ALL, Layout
from kerasnorm.data.sources.split import PARTS


@dataclasses.dataclass(frozen=True, eq=False)
class Listing:
    """The parts of a source.

    Args:
        layout: Which there are.
        index_of: Lists the images of one of them.
    """

    layout: Layout
    index_of: Callable[[str], ImageIndex]


def list_classes(layout: Layout) -> Listing:
    """Return what a data folder offers.

    Args:
        layout: What was found in it.
    """
    return Listing(
        layout, lambda part: index_classes(layout.parts[part], layout.directory)
    )


def list_labelled(
    items: Items,
    labels: Sequence[str],
    parts: np.ndarray,
    layout: Layout,
    ignored: Sequence[tuple[str, str]] = (),
    sample_weights: np.ndarray | None = None,
) -> Listing:
    """List images whose labels and parts are said by a table or by shards.

    Args:
        items: The images.
        labels: Name of the class of each.
        parts: Part of each; "" for all where there are none.
        layout: The layout, without its parts.
        ignored: What was left out, with the reason.
        sample_weights: How much each counts in training; None where all count alike.

    Raises:
        DataError: There are fewer than two classes, or images of some parts only.
    """
    name = layout.name or str(layout.directory)
    class_names = tuple(sorted(set(labels)))
    if len(class_names) < 2:
        found = f"only {class_names[0]!r}" if class_names else "no image with a label"
        reasons = "".join(f"; {path}: {reason}" for path, reason in ignored[:1])
        raise DataError(
            f"Expected images of at least two classes in {name}, but found {found}"
            f"{reasons}. Add labelled images."
        )
    numbers = {label: number for number, label in enumerate(class_names)}
    whole = ImageIndex(
        items.paths,
        np.fromiter((numbers[label] for label in labels), np.int64, len(labels)),
        class_names,
        root=str(layout.directory),
        items=items,
        sample_weights=sample_weights,
    )
    present = [part for part in PARTS if np.any(parts == part)]
    if present and np.any(parts == ""):
        raise DataError(
            f"Expected every image in {name} to have a part, or none, but "
            f"{int(np.sum(parts == '')):,} of {len(parts):,} have none. Name the parts "
            f"({', '.join(PARTS)}) of all."
        )
    if present and present != ["train"]:
        indexes = {part: whole.take(np.flatnonzero(parts == part)) for part in present}
    else:
        indexes = {ALL: whole}
    first = next(iter(indexes))
    indexes[first] = dataclasses.replace(indexes[first], ignored=tuple(ignored))
    folders: Mapping[str, pathlib.Path] = {p: layout.directory for p in indexes}
    layout = dataclasses.replace(layout, parts=dict(folders), has_folders=False)
    return Listing(layout, indexes.__getitem__)
