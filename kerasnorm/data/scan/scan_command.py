"""What `kerasnorm scan` does: a progress bar, a report in words or JSON, a list."""

import json
import os
import pathlib
import sys

from kerasnorm.data.progress import Progress
from kerasnorm.data.scan import gallery
from kerasnorm.data.scan.duplicates import Duplicates
from kerasnorm.data.scan.image_scan import ImageScan, scan_images
from kerasnorm.data.scan.issues import ISSUES
from kerasnorm.data.scan.scan_file import KINDS

# More rows than this of one kind do not make the report in words any clearer.
MAX_ROWS = 20


def run_scan(
    directory: str | os.PathLike,
    *,
    name: str | None = None,
    as_json: bool = False,
    quarantine: str | os.PathLike | None = None,
    html: str | os.PathLike | None = None,
    quiet: bool = False,
) -> int:
    """Scan a folder and print the report.

    Args:
        directory: The folder; nothing in it is changed.
        name: What the user calls the folder, where it is a copy; its own path if None.
        as_json: Print JSON instead of words.
        quarantine: File to write the paths of rejected files to, one a line.
        html: File to write a page with the images to.
        quiet: Show no progress bar.

    Returns:
        Exit status: always 0; a scan that finds something has done its work.

    Raises:
        DataError: There is no such folder.
    """
    with Progress("looking at files", quiet=quiet) as progress:
        scan = scan_images(directory, progress=progress)
    if html is not None:
        gallery.write_gallery(scan, html, name)
    if name is not None:
        scan = scan.renamed(name)
    print(scan.layout, file=sys.stderr)
    if quarantine is not None:
        lines = "".join(f"{path}\n" for path, _ in scan.rejected)
        pathlib.Path(quarantine).write_text(
            lines, encoding="utf-8", errors="surrogateescape"
        )
    print(json.dumps(scan.to_json(), indent=2) if as_json else in_words(scan))
    return 0


def in_words(scan: ImageScan) -> str:
    """Return the report of a scan as text."""
    counts = scan.counts
    lines = [
        f"{counts['files']} files in {scan.directory}: {counts['accepted']} accepted, "
        f"{counts['rejected']} rejected",
    ]
    lines += section(
        "Rejected (left out of training)",
        [f"{path}: {reason}" for path, reason in scan.rejected],
    )
    if scan.gray_bits is not None:
        lines += [
            "",
            "Gray values of more than 8 bits, of which the files do not say the "
            f"number, are read as {scan.gray_bits} bits",
        ]
    for kind, paths in scan.findings.items():
        lines += section(f"{kind}: {KINDS[kind]}", list(paths))
    for name, issues in scan.issues.items():
        rows = [f"{issue.path}  (score {issue.score:.2f})" for issue in issues]
        lines += section(f"Issue {name}: {ISSUES[name]}", rows)
    lines += section(
        "Label conflicts (the same image in several classes)",
        [
            f"{same_as(group)}  ({', '.join(group.classes)})"
            for group in scan.label_conflicts
        ],
    )
    for kind, title in (
        ("exact", "Exact duplicates"),
        ("near", "Near duplicates (they look the same)"),
    ):
        lines += section(
            title,
            [
                same_as(group) + "  (across splits)" * group.across_splits
                for group in scan.duplicates
                if group.kind == kind
            ],
        )
    if scan.class_counts:
        lines += ["", "Classes"]
        for (split, name), count in scan.class_counts.items():
            lines.append(f"  {split + '/' if split else ''}{name}: {count}")
    if scan.imbalance > gallery.NOTABLE_IMBALANCE:
        lines.append(f"  The largest class has {scan.imbalance:.1f} times the smallest")
    return "\n".join(lines)


def same_as(group: Duplicates) -> str:
    """Return the files of a group in one line, looking alike or equal."""
    return (" = " if group.kind == "exact" else " ~ ").join(group.paths)


def section(title: str, rows: list[str]) -> list[str]:
    """Return a titled list of rows, cut where it gets long; nothing without rows."""
    if not rows:
        return []
    shown = [f"  {row}" for row in rows[:MAX_ROWS]]
    if len(rows) > MAX_ROWS:
        shown.append(f"  ... and {len(rows) - MAX_ROWS} more")
    return ["", f"{title} ({len(rows)})", *shown]
