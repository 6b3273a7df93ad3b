"""Finds the files of a saved split again in a folder that may have changed since."""

import collections
import dataclasses
import os
from collections.abc import Mapping, Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.layout import Layout
from kerasnorm.data.sources.source import Files
from kerasnorm.data.sources.split import PARTS
from kerasnorm.data.sources.split_table import Row, SplitTable, hash_items

NAMES_SHOWN = 3
WORDS = {"train": "training", "validation": "validation", "test": "test"}


@dataclasses.dataclass(frozen=True)
class Changes:
    """How a data folder differs from what a table says.

    Args:
        renamed: New names of classes by the old ones.
        missing: Files that are gone, by part.
        changed: Files with another content, by part.
        added: Files that the table does not have.
    """

    renamed: dict[str, str]
    missing: dict[str, list[str]]
    changed: dict[str, list[str]]
    added: list[str]

    @property
    def is_another_measurement(self) -> bool:
        """Whether results on the files would mean something else than before."""
        lost = {*self.missing, *self.changed} - {"train"}
        return bool(self.renamed or lost)

    def describe(self, fate: str) -> list[str]:
        """Say each kind of change in a few words; nothing where there is none.

        Args:
            fate: What becomes of added files.
        """
        said = [
            f"class {old!r} is now called {new!r}" for old, new in self.renamed.items()
        ]
        for names, one, several in (
            (self.missing, "is missing", "are missing"),
            (self.changed, "has changed", "have changed"),
        ):
            said += [
                f"{_count(names[part], f'{WORDS[part]} image')} "
                f"{one if len(names[part]) == 1 else several}"
                for part in PARTS
                if part in names
            ]
        if self.added:
            verb = "has" if len(self.added) == 1 else "have"
            said.append(f"{_count(self.added, 'image')} {verb} been added and {fate}")
        return said


def match_split(
    table: SplitTable, files: Files, checked: Sequence[str] = PARTS
) -> tuple[dict[str, ImageIndex], Changes]:
    """Find the files of a table again, and say what has changed.

    Args:
        table: What was used for what.
        files: All files that the data folder holds now.
        checked: Parts whose content is compared; of the others only the sizes are.

    Returns:
        The files of each part that are still there, with the classes of the table,
        and the changes.

    Raises:
        DataError: None is there.
    """
    now = _Now.of(files)
    places = _Places(files.layout)
    renamed: dict[str, str] = {}
    if files.layout.has_folders:
        classes = sorted({places.class_of(name) for name in table.rows})
        renamed = _renamed(table, files, places, now, set(classes))
    else:
        classes = sorted({row.label for row in table.rows.values()})
    labels = {name: label for label, name in enumerate(classes)}
    found: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
    missing: dict[str, list[str]] = collections.defaultdict(list)
    kept: dict[str, tuple[int, Row]] = {}
    for name, row in table.rows.items():
        place = places.with_class(name, renamed) if renamed else name
        if place in now.positions:
            its_class = places.class_of(name) if files.layout.has_folders else row.label
            found[row.part].append((now.positions[place], labels[its_class]))
            kept[place] = (now.positions[place], row)
        else:
            missing[row.part].append(name)
    if not kept:
        raise DataError(
            "Expected images of the split in "
            f"{files.layout.name or str(files.layout.directory)!r}, but none of the "
            f"{len(table.rows)} images is there any longer. Put them back."
        )
    parts = {
        part: now.take(found[part], tuple(labels)) for part in PARTS if part in found
    }
    added = [name for name in now.positions if name not in kept]
    changed = _changed(kept, now, checked)
    return parts, Changes(renamed, dict(missing), changed, added)


@dataclasses.dataclass(frozen=True, eq=False)
class _Now:
    """All images that a source holds now.

    Args:
        whole: The images, in the order of the parts.
        positions: Their places in it by their names.
        sizes: Their bytes.
    """

    whole: ImageIndex
    positions: dict[str, int]
    sizes: np.ndarray

    @classmethod
    def of(cls, files: Files) -> "_Now":
        parts = list(files.parts.values())
        items = parts[0].items.joined([part.items for part in parts[1:]])
        weights = [part.sample_weights for part in parts]
        whole = ImageIndex(
            items.paths,
            np.concatenate([part.labels for part in parts]),
            files.class_names,
            root=str(files.layout.directory),
            items=items,
            sample_weights=np.concatenate([w for w in weights if w is not None])
            if all(w is not None for w in weights)
            else None,
        )
        positions = {name: position for position, name in enumerate(whole.names)}
        return cls(whole, positions, items.stamps()[:, 0])

    def take(
        self, found: Sequence[tuple[int, int]], class_names: tuple[str, ...]
    ) -> ImageIndex:
        """Return images by their places, with the labels of a table."""
        taken = self.whole.take([position for position, _ in found])
        labels = np.array([label for _, label in found], np.int64)
        return dataclasses.replace(taken, labels=labels, class_names=class_names)

    def label_of(self, position: int) -> str:
        """Return the class that an image has now."""
        return self.whole.class_names[self.whole.labels[position]]


class _Places:
    """Takes paths below a data folder apart, as its layout is now."""

    def __init__(self, layout: Layout) -> None:
        folders = map(layout.name_of, layout.parts)
        prefixes = [
            "" if folder == "." else folder.replace(os.sep, "/") + "/"
            for folder in folders
        ]
        self.prefixes = sorted(prefixes, key=len, reverse=True)

    def take_apart(self, name: str) -> tuple[str, str, str]:
        """Return the folders above the class, the class, and the rest."""
        above = next((p for p in self.prefixes if name.startswith(p)), "")
        label, _, rest = name.removeprefix(above).partition("/")
        return above, label, rest

    def class_of(self, name: str) -> str:
        """Return the class that a path names."""
        return self.take_apart(name)[1]

    def with_class(self, name: str, renamed: Mapping[str, str]) -> str:
        """Return where a file lies now that classes have other names."""
        above, label, rest = self.take_apart(name)
        return f"{above}{renamed.get(label, label)}/{rest}"


def _renamed(
    table: SplitTable,
    files: Files,
    places: _Places,
    now: _Now,
    classes: set[str],
) -> dict[str, str]:
    """Return new names of classes whose files lie under another one now."""
    candidates = set(files.class_names) - classes
    renamed: dict[str, str] = {}
    for old in sorted(classes - set(files.class_names)):
        rows = [n for n in table.rows if candidates and places.class_of(n) == old]
        same = {
            new: sum(
                (place := places.with_class(name, {old: new})) in now.positions
                and now.sizes[now.positions[place]] == table.rows[name].size
                for name in rows
            )
            for new in sorted(candidates)
        }
        best = max(same, key=lambda new: same[new], default=None)
        if best is not None and 2 * same[best] >= len(rows):
            renamed[old] = best
            candidates.remove(best)
    return renamed


def _changed(
    kept: Mapping[str, tuple[int, Row]], now: _Now, checked: Sequence[str]
) -> dict[str, list[str]]:
    changed: dict[str, list[str]] = collections.defaultdict(list)
    to_hash = []
    for name, (position, row) in kept.items():
        is_relabelled = row.label and now.label_of(position) != row.label
        if now.sizes[position] != row.size or is_relabelled:
            changed[row.part].append(name)
        elif row.sha256 and row.size and row.part in checked:
            to_hash.append(name)
    hashes = hash_items(now.whole.items, [kept[name][0] for name in to_hash])
    for name, sha256 in zip(to_hash, hashes, strict=True):
        row = kept[name][1]
        if sha256 != row.sha256:
            changed[row.part].append(name)
    return dict(changed)


def _count(names: Sequence[str], what: str) -> str:
    shown = ", ".join(names[:NAMES_SHOWN]) + ", ..." * (len(names) > NAMES_SHOWN)
    return f"{len(names):,} {what}{'s' * (len(names) != 1)} ({shown})"
