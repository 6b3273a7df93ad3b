"""A saved split is found again, and every kind of change is named."""

import os

import numpy as np
import pytest

from kerasnorm.data import DataError
from kerasnorm.data.sources.source import open_files
from kerasnorm.data.sources.split import PARTS, assign_parts, take_parts
from kerasnorm.data.sources.split_match import match_split
from kerasnorm.data.sources.split_table import MAX_HASHED_FILES, SplitTable

CLASSES = ("cat", "dog", "eel")


def draw(folder):
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(10):
            (folder / name / f"{number}.jpg").write_bytes(f"{name} {number}".encode())
    return folder


def single(folder, *inner):
    """One folder of classes, divided here."""
    draw(folder.joinpath(*inner))
    index = open_files(folder).parts["all"]
    fractions = {"validation": 0.3, "test": 0.2}
    return take_parts(index, assign_parts(index, fractions, 0)[0])


def wrapped(folder):
    """The same within another folder."""
    return single(folder, "inner")


def divided(folder):
    """Three parts that bring their own files."""
    for name in ("Train", "val", "test1"):
        draw(folder / name)
    return open_files(folder).parts


LAYOUTS = [single, wrapped, divided]


def first(parts, part, label=0):
    index = parts[part]
    return index.paths[int(np.flatnonzero(index.labels == label)[0])]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_has_changed(tmp_path, layout):
    parts = layout(tmp_path)
    (tmp_path / "table").write_text(SplitTable.of(parts).to_csv())
    table = SplitTable.read(tmp_path / "table")
    (tmp_path / "table").unlink()
    found, changes = match_split(table, open_files(tmp_path))
    assert not changes.describe("kept")
    assert not changes.is_another_measurement
    for part in PARTS:
        assert found[part].paths == parts[part].paths
        np.testing.assert_array_equal(found[part].labels, parts[part].labels)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("change", ["missing", "changed", "longer", "renamed file"])
def test_a_changed_file_is_named(tmp_path, layout, part, change):
    parts = layout(tmp_path)
    table = SplitTable.of(parts)
    path = first(parts, part)
    name = next(n for n in table.rows if path.endswith(n))
    content = open(path, "rb").read()
    if change == "missing":
        os.remove(path)
    elif change == "renamed file":
        os.rename(path, path + ".new.jpg")
    else:
        with open(path, "wb") as file:
            file.write(content[::-1] if change == "changed" else content + b" ")
    found, changes = match_split(table, open_files(tmp_path))
    kind = changes.missing if change in ("missing", "renamed file") else changes.changed
    assert kind == {part: [name]}
    assert len(changes.added) == (change == "renamed file")
    assert changes.is_another_measurement == (part != "train")
    assert name in changes.describe("left out")[0]
    assert (path in found[part].paths) == (change in ("changed", "longer"))
    # Contents of parts that nobody looks at are not read.
    _, unread = match_split(table, open_files(tmp_path), checked=())
    assert bool(unread.changed) == (change == "longer")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_added_files_and_classes_are_named_and_not_taken(tmp_path, layout):
    parts = layout(tmp_path)
    table = SplitTable.of(parts)
    for part in PARTS:
        new = first(parts, part).replace(".jpg", "new.jpg")
        open(new, "wb").close()
        # A class before all others.
        fox = new.replace("cat", "ant")
        os.makedirs(os.path.dirname(fox), exist_ok=True)
        open(fox, "wb").close()
    found, changes = match_split(table, open_files(tmp_path))
    assert len(changes.added) == 6
    assert not changes.is_another_measurement
    assert changes.describe("left out")[0].startswith("6 images (")
    assert found["train"].class_names == CLASSES
    for part in PARTS:
        assert found[part].paths == parts[part].paths


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("old", "new"), [("cat", "zebra"), ("eel", "ant"), ("dog", "wolf")]
)
def test_a_renamed_class_keeps_its_number(tmp_path, layout, old, new):
    parts = layout(tmp_path)
    table = SplitTable.of(parts)
    for folder in {os.path.dirname(p) for i in parts.values() for p in i.paths}:
        if os.path.basename(folder) == old:
            os.rename(folder, os.path.join(os.path.dirname(folder), new))
    found, changes = match_split(table, open_files(tmp_path))
    assert changes.renamed == {old: new}
    assert changes.is_another_measurement
    assert changes.describe("left out") == [f"class {old!r} is now called {new!r}"]
    for part in PARTS:
        np.testing.assert_array_equal(found[part].labels, parts[part].labels)
        assert found[part].class_names == CLASSES


def test_a_class_that_is_gone_is_not_renamed(tmp_path):
    parts = single(tmp_path)
    table = SplitTable.of(parts)
    for path in (tmp_path / "cat").iterdir():
        path.unlink()
    (tmp_path / "fox").mkdir()
    (tmp_path / "fox" / "other.jpg").write_bytes(b"other")
    found, changes = match_split(table, open_files(tmp_path))
    assert not changes.renamed
    assert sum(map(len, changes.missing.values())) == 10
    assert set(found["train"].labels) == {1, 2}


def test_another_folder_is_refused(tmp_path):
    table = SplitTable.of(single(tmp_path / "one"))
    for name in CLASSES:
        (tmp_path / "two" / name).mkdir(parents=True)
        (tmp_path / "two" / name / "other.jpg").write_bytes(b"x")
    with pytest.raises(DataError, match="none of the 30 images"):
        match_split(table, open_files(tmp_path / "two"))


def test_names_of_any_kind_survive(tmp_path):
    names = [
        "a,b.jpg",
        'q"q.jpg',
        "line\nbreak.jpg",
        "t\tab.jpg",
        os.fsdecode(b"\xe9.jpg"),
    ]
    for label in CLASSES:
        (tmp_path / label).mkdir()
        for name in names:
            (tmp_path / label / name).write_bytes(b"x")
    index = open_files(tmp_path).parts["all"]
    table = SplitTable.of({"train": index})
    file = tmp_path / "split.csv"
    file.write_text(
        table.to_csv(), encoding="utf-8", errors="surrogateescape", newline=""
    )
    assert SplitTable.read(file) == table


def test_very_many_files_are_not_hashed(tmp_path, monkeypatch):
    assert MAX_HASHED_FILES == 50_000
    monkeypatch.setattr("kerasnorm.data.sources.split_table.MAX_HASHED_FILES", 29)
    parts = single(tmp_path)
    table = SplitTable.of(parts)
    assert {row.sha256 for row in table.rows.values()} == {""}
    assert not match_split(table, open_files(tmp_path))[1].changed


@pytest.mark.parametrize(
    "text", ["", "path,part\n", "path,part,size,sha256\na,dev,1,\n"]
)
def test_what_is_no_table_is_refused(tmp_path, text):
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(DataError, match=r"split\.csv"):
        SplitTable.read(tmp_path / "split.csv")
