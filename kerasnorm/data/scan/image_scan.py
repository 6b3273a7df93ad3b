"""Looks at every file of a folder and says which can train, and what is odd."""

import collections
import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable
from typing import Any

from kerasnorm.data.images.decode import QuietPillow
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.images.gray_bits import measure_gray_bits
from kerasnorm.data.images.limits import MAX_PIXELS
from kerasnorm.data.scan import looks
from kerasnorm.data.scan.duplicates import Duplicates, find_duplicates
from kerasnorm.data.scan.issues import Issue, find_issues
from kerasnorm.data.scan.scan_file import FileScan, scan_item
from kerasnorm.data.scan.subject import Subject, find_subject
from kerasnorm.data.sources import remote
from kerasnorm.data.sources.source import is_folder


@dataclasses.dataclass(frozen=True)
class ImageScan:
    """Result of a scan.

    Args:
        directory: The folder that was scanned.
        accepted: Files that train.
        rejected: Files that are left out, each with the reason.
        findings: Files by the key of `scan_file.KINDS` that they are.
        issues: Files by the key of `issues.ISSUES` that they have, the worst first.
        duplicates: Groups of files that are copies, all of one class.
        label_conflicts: Groups of files that are copies with different classes.
        class_counts: Number of accepted files by (split, class); the split is "train",
            "validation" or "test", or "" where there are none.
        layout: What was taken for parts and classes, in one line.
        gray_bits: Bits that hold the gray values of deep files that do not say so; None
            where there are no such files.
    """

    directory: str
    accepted: tuple[str, ...]
    rejected: tuple[tuple[str, str], ...]
    findings: dict[str, tuple[str, ...]]
    issues: dict[str, tuple[Issue, ...]]
    duplicates: tuple[Duplicates, ...]
    label_conflicts: tuple[Duplicates, ...]
    class_counts: dict[tuple[str, str], int]
    layout: str = ""
    gray_bits: int | None = None

    @property
    def imbalance(self) -> float:
        """Largest class over smallest class of one split, at its worst; 1 is even."""
        by_split: dict[str, list[int]] = collections.defaultdict(list)
        for (split, _), count in self.class_counts.items():
            by_split[split].append(count)
        return max(
            (max(counts) / max(min(counts), 1) for counts in by_split.values()),
            default=1.0,
        )

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of files: all, accepted, rejected, in duplicates, of each kind."""
        exact, near = (
            [group for group in self.duplicates if group.kind == kind]
            for kind in ("exact", "near")
        )
        return {
            "files": len(self.accepted) + len(self.rejected),
            "accepted": len(self.accepted),
            "rejected": len(self.rejected),
            "exact_duplicate_groups": len(exact),
            "near_duplicate_groups": len(near),
            "duplicate_groups_across_splits": sum(
                group.across_splits for group in self.duplicates
            ),
            "label_conflicts": len(self.label_conflicts),
            **{kind: len(paths) for kind, paths in self.findings.items()},
        }

    def renamed(self, name: str) -> "ImageScan":
        """Return the scan of a copy with the names of what it is a copy of.

        Args:
            name: What the folder is called, such as a URL.
        """
        below = os.path.join(self.directory, "")

        def new(path: str) -> str:
            return f"{name.rstrip('/')}/{path.removeprefix(below).replace(os.sep, '/')}"

        def of_group(group: Duplicates) -> Duplicates:
            return dataclasses.replace(group, paths=tuple(map(new, group.paths)))

        return dataclasses.replace(
            self,
            directory=name,
            accepted=tuple(map(new, self.accepted)),
            rejected=tuple((new(path), reason) for path, reason in self.rejected),
            findings={k: tuple(map(new, paths)) for k, paths in self.findings.items()},
            issues={
                name: tuple(Issue(new(issue.path), issue.score) for issue in issues)
                for name, issues in self.issues.items()
            },
            duplicates=tuple(map(of_group, self.duplicates)),
            label_conflicts=tuple(map(of_group, self.label_conflicts)),
            layout=self.layout.replace(self.directory, name),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the scan as plain values, ready for `json.dump`."""
        return {
            "directory": self.directory,
            "layout": self.layout,
            "gray_bits": self.gray_bits,
            "counts": self.counts,
            "accepted": list(self.accepted),
            "rejected": [
                {"path": path, "reason": reason} for path, reason in self.rejected
            ],
            "findings": {kind: list(paths) for kind, paths in self.findings.items()},
            "issues": {
                name: [dataclasses.asdict(issue) for issue in issues]
                for name, issues in self.issues.items()
            },
            "duplicates": [dataclasses.asdict(group) for group in self.duplicates],
            "label_conflicts": [
                dataclasses.asdict(group) for group in self.label_conflicts
            ],
            "classes": [
                {"split": split, "class": name, "files": count}
                for (split, name), count in self.class_counts.items()
            ],
            "imbalance": self.imbalance,
        }


def scan_images(
    directory: str | os.PathLike,
    *,
    max_pixels: int = MAX_PIXELS,
    min_side: int = 8,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageScan:
    """Decode all images of a source and report what cannot train and what is odd.

    Training accepts and rejects by the same rule. Nothing in the folder is changed.

    Args:
        directory: The folder, or its URL, whose files the report then names; or what
            else `open_source` takes.
        max_pixels: Larger images are rejected before they are decoded.
        min_side: Shorter sides, in pixels, are reported as too small.
        workers: Number of threads; default: one per processor.
        progress: Called with the number of files done and of all files.

    Returns:
        The report.

    Raises:
        DataError: There is no such folder.
    """
    if remote.is_url(directory) and is_folder(directory):
        url = os.fspath(directory)
        return scan_images(
            remote.fetch(url),
            max_pixels=max_pixels,
            min_side=min_side,
            workers=workers,
            progress=progress,
        ).renamed(url)
    subject = find_subject(directory)
    items = subject.items
    gray_bits = measure_gray_bits((items, subject.names))
    look = functools.partial(
        scan_item, items, max_pixels=max_pixels, min_side=min_side, gray_bits=gray_bits
    )
    files: list[FileScan] = []
    with (
        QuietPillow(),
        concurrent.futures.ThreadPoolExecutor(workers_or(workers)) as pool,
    ):
        for file in pool.map(look, range(len(items))):
            files.append(file)
            if progress is not None:
                progress(len(files), len(items))
    stamps = items.stamps().tolist()
    looks.remember(subject.root, subject.names, stamps, files, gray_bits)
    return summarize(subject, files, gray_bits)


def summarize(
    subject: Subject, files: list[FileScan], gray_bits: int | None
) -> ImageScan:
    """Draw up the report of scanned files."""
    accepted: list[FileScan] = []
    findings: dict[str, list[str]] = collections.defaultdict(list)
    class_counts: collections.Counter[tuple[str, str]] = collections.Counter()
    places: list[tuple[str, str]] = []
    for position, file in enumerate(files):
        if file.reason is not None:
            continue
        accepted.append(file)
        for kind in file.kinds:
            findings[kind].append(file.path)
        split, name = subject.place_of(position)
        places.append((split, name))
        if name:
            class_counts[split, name] += 1
    rejected = [(file.path, file.reason) for file in files if file.reason is not None]
    copies = find_duplicates(accepted, places)
    return ImageScan(
        subject.name,
        tuple(file.path for file in accepted),
        (*subject.ignored, *rejected),
        {kind: tuple(paths) for kind, paths in sorted(findings.items())},
        find_issues(
            [
                (file.path, file.properties)
                for file in accepted
                if file.properties is not None
            ]
        ),
        tuple(group for group in copies if not group.is_label_conflict),
        tuple(group for group in copies if group.is_label_conflict),
        dict(sorted(class_counts.items())),
        subject.note,
        gray_bits,
    )
