"""A page of what a scan found, with the images: one file that loads nothing else."""

import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Sequence

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.decode import QuietPillow, open_image
from kerasnorm.data.images.decoded_images import workers_or
from kerasnorm.data.scan.duplicates import Duplicates
from kerasnorm.data.scan.image_scan import ImageScan
from kerasnorm.data.scan.issues import ISSUES
from kerasnorm.data.scan.scan_file import KINDS
from kerasnorm.pages import formatting
from kerasnorm.pages.template import page_template

# A class with this many times the files of another is worth a word.
NOTABLE_IMBALANCE = 1.5
# More images of one problem, or files of one group, tell nothing new.
SHOWN = 24
SHOWN_IN_GROUP = 6
# More rejected files make no list that is read; `--json` and `--quarantine` have all.
ROWS = 500
# Side of a thumbnail in pixels, twice that at which it is shown.
SIDE = 160


@dataclasses.dataclass(frozen=True)
class Figure:
    """An image of the page.

    Args:
        path: The file.
        caption: What is said of it besides its path.
    """

    path: str
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """What a scan found of one problem.

    Args:
        name: Its key.
        meaning: What it is, in words.
        count: How many files or groups have it.
        groups: Images that are shown, those that belong together in one list.
    """

    name: str
    meaning: str
    count: int
    groups: tuple[tuple[Figure, ...], ...]

    @property
    def hidden(self) -> int:
        """How many are not shown."""
        shown = self.groups if len(self.groups) > 1 else self.groups[0]
        return max(self.count - len(shown), 0)


def write_gallery(
    scan: ImageScan, file: str | os.PathLike, name: str | None = None
) -> None:
    """Write the page of a scan, atomically.

    Args:
        scan: The scan; its files are read again for their thumbnails.
        file: The page.
        name: What the user calls the folder, where it is a copy; its own path if None.
    """
    found = sections_of(scan)
    paths = {
        figure.path for section in found for group in section.groups for figure in group
    }
    said = scan if name is None else scan.renamed(name)
    page = page_template(
        "kerasnorm.data.scan", "scan.html.jinja", {"number": formatting.number}
    ).render(
        scan=said,
        sections=found,
        thumbnails=thumbnails_of(sorted(paths)),
        below=os.path.join(scan.directory, ""),
        notable_imbalance=NOTABLE_IMBALANCE,
        rejected=said.rejected[:ROWS],
    )
    target = pathlib.Path(file)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    aside.write_text(page, encoding="utf-8", errors="replace")
    aside.replace(target)


def sections_of(scan: ImageScan) -> list[Section]:
    """Return what the page shows, the gravest first.

    Args:
        scan: The scan.
    """
    exact, near = (
        [group for group in scan.duplicates if group.kind == kind]
        for kind in ("exact", "near")
    )
    conflicts = scan.label_conflicts
    found = [
        _groups("label_conflicts", "one image in several classes", conflicts),
        _groups("exact_duplicates", "the same bytes", exact),
        _groups("near_duplicates", "they look the same", near),
    ]
    for name, issues in scan.issues.items():
        figures = [Figure(issue.path, f"score {issue.score:.2f}") for issue in issues]
        found.append(_figures(name, ISSUES[name], figures))
    for kind, paths in scan.findings.items():
        if scan.issues.get(kind):
            # Gray files of a colour folder are shown as an issue.
            continue
        found.append(_figures(kind, KINDS[kind], list(map(Figure, paths))))
    return [section for section in found if section.count]


def thumbnails_of(paths: Sequence[str]) -> dict[str, str]:
    """Return addresses of small images, for `<img>`; none where a file is gone.

    Args:
        paths: The files.
    """

    def thumbnail(path: str) -> str:
        try:
            image = open_image(path, (SIDE, SIDE))
        except ImageError:
            return ""
        image.thumbnail((SIDE, SIDE))
        return formatting.jpeg_address(image)

    with (
        QuietPillow(),
        concurrent.futures.ThreadPoolExecutor(workers_or(None)) as pool,
    ):
        return dict(zip(paths, pool.map(thumbnail, paths), strict=True))


def _figures(name: str, meaning: str, figures: Sequence[Figure]) -> Section:
    return Section(name, meaning, len(figures), (tuple(figures[:SHOWN]),))


def _groups(name: str, meaning: str, groups: Sequence[Duplicates]) -> Section:
    # Those that spoil validation first.
    ordered = sorted(groups, key=lambda group: not group.across_splits)
    shown = tuple(
        tuple(
            Figure(path, "across splits" if group.across_splits else "")
            for path in group.paths[:SHOWN_IN_GROUP]
        )
        for group in ordered[:SHOWN]
    )
    return Section(name, meaning, len(groups), shown or ((),))
