"""The page of a scan shows the images of every problem, and is one short file."""

import collections
import re
import shutil

import pytest

from kerasnorm.command_line import main
from kerasnorm.data import scan_images
from kerasnorm.data.scan import gallery
from kerasnorm.data.scan.issues import Issue
from tests.data.scan.test_issues import BAD, photo


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two splits with an image of every issue, a copy and a broken file."""
    top = tmp_path_factory.mktemp("folder")
    for place in ("train/cat", "train/dog", "validation/cat", "validation/dog"):
        (top / place).mkdir(parents=True)
    for seed in range(10):
        photo(seed).save(top / "train" / ("cat", "dog")[seed % 2] / f"good{seed}.png")
    for name, make in BAD.items():
        make(50).save(top / "train" / "cat" / f"{name}.png")
    photo(30).save(top / "validation" / "dog" / "other.png")
    shutil.copy(top / "train/cat/good0.png", top / "validation/cat/<b>copy.png")
    (top / "train/dog/broken.jpg").write_bytes(b"<html>")
    return top


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    file = tmp_path_factory.mktemp("pages") / "scan.html"
    assert main(["scan", str(folder), "--html", str(file), "--quiet"]) == 0
    return file.read_text(encoding="utf-8")


def section(page, name):
    return page.split(f'<section id="{name}">')[1].split("</section>")[0]


@pytest.mark.parametrize("name", BAD)
def test_every_issue_shows_its_image(page, name):
    shown = section(page, name)
    assert f"train/cat/{name}.png" in shown
    assert len(re.findall('src="data:image/jpeg', shown)) == shown.count("<figure>") > 0


def test_copies_across_splits_stand_together(page):
    group = section(page, "exact_duplicates")
    assert "train/cat/good0.png" in group and "across splits" in group
    assert "&lt;b&gt;copy.png" in group and "<b>copy" not in page


def test_rejected_files_are_listed_with_the_reason(page):
    assert "broken.jpg" in section(page, "rejected")
    assert "not an image" in section(page, "rejected")


def test_the_page_loads_nothing_and_names_each_section_once(page):
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    names = collections.Counter(re.findall('id="([^"]+)"', page))
    assert max(names.values()) == 1
    assert set(re.findall('href="#([^"]+)"', page)) == set(names)


def test_many_findings_make_no_long_page(folder, tmp_path):
    scan = scan_images(folder)
    many = tuple(Issue(f"{folder}/gone{n}.png", 0.1) for n in range(100_000))
    scan.issues["dark"] = many
    gallery.write_gallery(scan, tmp_path / "scan.html")
    text = (tmp_path / "scan.html").read_text(encoding="utf-8")
    assert f"and {100_000 - gallery.SHOWN:,} more" in section(text, "dark")
    assert section(text, "dark").count('class="gone"') == gallery.SHOWN
    assert len(text) < 1_000_000


def test_a_folder_without_problems_says_so(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        photo(len(name) + ord(name[0])).save(tmp_path / "data" / name / "a.png")
    gallery.write_gallery(scan_images(tmp_path / "data"), tmp_path / "scan.html")
    assert "Nothing was found." in (tmp_path / "scan.html").read_text(encoding="utf-8")
