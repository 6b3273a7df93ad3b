"""The files of a run: which train, validate and test, drawn once and found again."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from kerasnorm.data.errors import DataError
from kerasnorm.data.scan import looks
from kerasnorm.data.sources import source, subsets_and_label_noise
from kerasnorm.data.sources.folds import fold_numbers, take_groups
from kerasnorm.data.sources.index import ImageIndex
from kerasnorm.data.sources.layout import ALL
from kerasnorm.data.sources.split import (
    PARTS,
    assign_parts,
    take_parts,
    units_of,
)
from kerasnorm.data.sources.split_match import Changes, match_split
from kerasnorm.data.sources.split_table import SplitTable
from kerasnorm.training.record import environment
from kerasnorm.training.settings import Settings
from kerasnorm.training.settings.errors import UsageError
from kerasnorm.training.system import paths

SPLIT_FILE = "split.csv"
NAMES_SHOWN = 3
# Of so many images that a run had, one may be gone or other in a copy of its folder.
SAME_DATA = 10


@dataclasses.dataclass(frozen=True)
class RunFiles:
    """The files of a run.

    Args:
        parts: Files by part, "train", "validation" and perhaps "test".
        table: What `split.csv` says of them.
        notes: What was taken for what and what has changed, one line each.
    """

    parts: dict[str, ImageIndex]
    table: SplitTable
    notes: list[str]


def find_run_files(settings: Settings, checked: Sequence[str] = PARTS) -> RunFiles:
    """Find the files to train on, to validate on and to test on.

    A new run divides its data folder; with `split` it keeps what another run had.
    With `resume` the files are those that the run began with.

    Args:
        settings: Data, split, folds and seed, and the run to resume.
        checked: Parts whose content is compared with that of the saved split.

    Raises:
        DataError: There are too few files, or those of the saved split have changed.
        UsageError: A file belongs to no group, or the data bring their own parts.
    """
    files = _used(settings, source.open_files(settings.data))
    ignored = next(iter(files.parts.values())).ignored
    notes: list[str] = []
    table = _saved_split(settings, files)
    if table is not None and settings.resume is not None:
        parts, changes = match_split(table, files, checked)
        notes = _judge(settings, changes, "left out")
        if changes.renamed or changes.missing or changes.changed:
            table = SplitTable.of(parts, has_labels=not files.layout.has_folders)
    else:
        fixed: dict[str, str] = {}
        if table is not None:
            kept, changes = match_split(table, files, checked)
            notes = _judge(settings, changes, "divided like the others")
            fixed = {path: part for part in kept for path in kept[part].paths}
        parts, said = _divide(settings, files, fixed)
        notes += said
        table = SplitTable.of(parts, has_labels=not files.layout.has_folders)
    parts["train"] = dataclasses.replace(parts["train"], ignored=ignored)
    if settings.resume is not None:
        parts = {
            p: environment.with_depth_of(settings.resume, i) for p, i in parts.items()
        }
    notes += environment.notes_on_depth(parts["train"])
    return RunFiles(parts, table, [_note(settings, files, parts), *notes])


def as_resumed(
    settings: Settings, run: pathlib.Path, *, accept_changes: bool = False
) -> Settings:
    """Return settings that find the files which a run began with.

    Args:
        settings: Those of the run.
        run: Its run directory.
        accept_changes: Whether to continue where the files have changed.
    """
    return settings.replace(resume=str(run), accept_changes=accept_changes)


def is_same_data(settings: Settings, data: str) -> bool:
    """Say whether a folder is the one that a run was trained on, or a copy of it.

    Args:
        settings: Those of the run, as it is resumed.
        data: The folder, or what else `--data` takes.
    """
    if data == settings.data:
        return True
    split = pathlib.Path(str(settings.resume)) / SPLIT_FILE
    try:
        table = SplitTable.read(split)
        files = _used(settings, source.open_files(data))
        _, changes = match_split(table, files, checked=())
    except DataError:
        return False
    lost = [*changes.missing.values(), *changes.changed.values()]
    return len(table.rows) >= SAME_DATA * sum(map(len, lost)) and not changes.renamed


def for_study(settings: Settings, train: ImageIndex) -> ImageIndex:
    """Return the training files that a study leaves, some with wrong labels.

    Args:
        settings: Fraction, label noise and seed.
        train: The training files.
    """
    ignored = train.ignored
    if settings.fraction < 1:
        train = subsets_and_label_noise.take_fraction(
            train, settings.fraction, settings.seed
        )
    if settings.label_noise:
        train, _ = subsets_and_label_noise.with_label_noise(
            train, settings.label_noise, settings.seed
        )
    return dataclasses.replace(train, ignored=ignored)


def _used(settings: Settings, files: source.Files) -> source.Files:
    """Leave out the validation part that folds of the training part replace."""
    if settings.folds == 1 or not files.layout.has_parts:
        return files
    parts = dict(files.parts)
    validation = parts.pop("validation")
    if "validation" not in files.layout.parts:
        # It would have validated for want of another.
        parts["test"] = validation
    return source.Files(files.layout, parts)


def _note(settings: Settings, files: source.Files, parts: dict[str, ImageIndex]) -> str:
    if settings.folds == 1 or not files.layout.has_parts:
        return files.note(parts)
    number = f"fold {settings.fold} of {settings.folds} validates, the others train"
    return files.layout.describe(train=number, test=source.USES["test"])


def _saved_split(settings: Settings, files: source.Files) -> SplitTable | None:
    if settings.resume is None:
        if settings.split is None:
            return None
        return SplitTable.read(paths.fetched(settings.split, "--split"))
    file = pathlib.Path(settings.resume) / SPLIT_FILE
    if file.is_file():
        return SplitTable.read(file)
    if files.layout.has_parts and settings.folds == 1:
        # A run of an earlier version, whose folders say what validates.
        return None
    raise DataError(
        f"Expected {SPLIT_FILE} in {settings.resume!r}, which says what of "
        f"{settings.data} trained and what validated, but it is missing. Give images "
        "of another folder (evaluate with --data DIR, doctor with --train DIR and "
        f"--validation DIR), or train again (--config {settings.resume}/settings.yaml)."
    )


def _judge(settings: Settings, changes: Changes, fate: str) -> list[str]:
    """Say what has changed, or raise where results would mean something else."""
    said = "; ".join(changes.describe(fate))
    if changes.is_another_measurement and not settings.accept_changes:
        raise DataError(
            f"Expected the images that the run began with, but {said}. Results would "
            "not be comparable: restore the images, or give --accept-changes to "
            "continue with those that are there."
        )
    return [f"changed since the split was drawn: {said}"] if said else []


def _divide(
    settings: Settings, files: source.Files, fixed: dict[str, str]
) -> tuple[dict[str, ImageIndex], list[str]]:
    """Divide the files again, but for those whose part is known."""
    if files.layout.has_parts and settings.test_fraction:
        raise UsageError(
            "expected --test-fraction with one folder of classes, received "
            f"{settings.data}, which is divided already; move images into test/ there"
        )
    if files.layout.has_parts and settings.folds == 1:
        return dict(files.parts), []
    whole = files.parts["train" if files.layout.has_parts else ALL]
    notes = []
    groups = looks.duplicate_groups(whole)
    if groups is None:
        notes.append(
            f"near duplicates among {len(whole):,} images may lie on both sides; after "
            f"`kerasnorm scan {settings.data}` they do not"
        )
    if settings.fold_groups is not None:
        groups = _named_groups(whole, settings.fold_groups)
    positions = {
        position: fixed[path]
        for position, path in enumerate(whole.paths)
        if path in fixed
    }
    fractions = {}
    if settings.folds == 1:
        fractions["validation"] = settings.validation_fraction
    elif positions:
        fractions["validation"] = 1 / settings.folds
    if settings.test_fraction:
        fractions["test"] = settings.test_fraction
        if settings.fold_groups is not None and not positions:
            # Groups may hold a class each, of which no part gets the wanted fraction.
            positions = _test_groups(settings, whole, groups or ())
    assigned, links = assign_parts(
        whole, fractions, settings.seed, groups=groups or (), fixed=positions
    )
    if links:
        names = ", ".join(whole.names[position] for position in links[:NAMES_SHOWN])
        notes.append(
            f"{len(links)} images that look like others of two parts train: {names}"
            f"{', ...' * (len(links) > NAMES_SHOWN)}"
        )
    if "validation" not in assigned:
        assigned = _with_fold(settings, whole, assigned, groups or ())
    parts = take_parts(whole, assigned)
    if files.layout.has_parts and "test" in files.parts:
        parts["test"] = files.parts["test"]
    return parts, notes


def _test_groups(
    settings: Settings, whole: ImageIndex, groups: Sequence[Sequence[int]]
) -> dict[int, str]:
    """Return the part of every file in whole groups: test, or else train."""
    units = units_of(len(whole), groups)
    is_test = take_groups(whole, units, settings.test_fraction, settings.seed)
    return {n: "test" if test else "train" for n, test in enumerate(is_test.tolist())}


def _with_fold(
    settings: Settings,
    whole: ImageIndex,
    assigned: np.ndarray,
    groups: Sequence[Sequence[int]],
) -> np.ndarray:
    """Return the parts with one fold of the training files as validation."""
    rest = np.flatnonzero(assigned == "train")
    units = None if not groups else units_of(len(whole), groups)[rest].tolist()
    number = fold_numbers(whole.take(rest), settings.folds, settings.seed, groups=units)
    assigned = assigned.copy()
    assigned[rest[number == settings.fold]] = "validation"
    return assigned


def _named_groups(index: ImageIndex, pattern: str) -> list[list[int]]:
    """Return the positions of files in whose path a pattern finds the same text."""
    named: dict[str, list[int]] = {}
    for position, path in enumerate(index.paths):
        found = re.search(pattern, path)
        if found is None:
            raise UsageError(
                f"expected --fold-groups to be found in every file's path, received "
                f"{pattern!r}, which is not in {path}"
            )
        name = str(found[1] if found.re.groups else found[0])
        named.setdefault(name, []).append(position)
    return list(named.values())
