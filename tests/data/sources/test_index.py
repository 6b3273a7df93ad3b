"""Class folders become one table."""

import os

import numpy as np
import pytest

from kerasnorm.data import DataError, ImageIndex, index_directory
from kerasnorm.data.sources import folders
from kerasnorm.data.sources.folders import walk_files
from tests.data.conftest import save_image


def test_classes_and_order_are_those_of_keras_class(legacy_generator, class_folders):
    index = index_directory(class_folders)
    legacy = legacy_generator().flow_from_directory(class_folders, shuffle=False)
    images = [
        (path, label)
        for path, label in zip(index.paths, index.labels, strict=True)
        if not path.endswith(".txt")
    ]
    assert index.class_names == tuple(legacy.class_indices)
    assert [path for path, _ in images] == legacy.filepaths
    assert [label for _, label in images] == legacy.classes.tolist()


def test_hidden_files_are_listed_as_ignored(tmp_path):
    for name in ("a", "b", ".hidden"):
        save_image(tmp_path / name / "x.png", 4, 4)
    (tmp_path / "a" / "._x.jpg").write_bytes(b"side file")
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    save_image(tmp_path / "a" / ".ipynb_checkpoints" / "x.png", 4, 4)
    index = index_directory(tmp_path)
    assert index.class_names == ("a", "b")
    assert len(index) == 2
    assert index.ignored == ((str(tmp_path / "a" / "._x.jpg"), "hidden file"),)


def test_a_folder_is_not_listed_again_for_each_question_about_it(tmp_path, monkeypatch):
    for number in range(300):
        file = tmp_path / "ab"[number % 2] / f"{number}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
    listed, scandir = [], os.scandir

    class Counted:
        def __init__(self, folder):
            self.entries = scandir(folder)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.entries.close()

        def __iter__(self):
            return self

        def __next__(self):
            listed.append(next(self.entries))
            return listed[-1]

    monkeypatch.setattr(os, "scandir", Counted)
    assert len(index_directory(tmp_path)) == 300
    # Once for the files, and twice for the folders among them.
    assert 300 < len(listed) < 3 * 300 + 50


FILES = (
    ("a.jpg",),
    (".hidden.jpg",),
    ("below/a.jpg",),
    (".hidden/a.jpg",),
    ("settings.yaml", "environment.json", "a.jpg"),
    ("settings.yaml", "a.jpg"),
    ("run/settings.yaml", "run/environment.json", "run/a.jpg"),
    ("run/plan.json", "run/workers/a.jpg"),
    ("run/plan.json", "run/search.json", "other/.x/a.jpg"),
    ("empty/deep/",),
)


@pytest.mark.parametrize("names", FILES)
def test_a_folder_holds_files_where_walking_through_it_finds_some(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            (tmp_path / name).write_bytes(b"")
    (tmp_path / "back").symlink_to(tmp_path)
    for everything in (False, True):
        found = [
            os.path.basename(p) for p in walk_files(tmp_path, everything=everything)
        ]
        for hidden in (False, True):
            expected = any(hidden or not name.startswith(".") for name in found)
            assert folders._has_files(
                tmp_path, everything=everything, hidden=hidden
            ) == (expected)


def test_links_back_up_are_not_entered(tmp_path):
    for name in ("a", "b"):
        save_image(tmp_path / name / "x.png", 4, 4)
    os.symlink(tmp_path / "a", tmp_path / "a" / "again")
    os.symlink(tmp_path, tmp_path / "b" / "top")
    assert len(list(walk_files(tmp_path))) == 2


def test_links_to_other_folders_are_entered(tmp_path):
    save_image(tmp_path / "elsewhere" / "x.png", 4, 4)
    (tmp_path / "data" / "a").mkdir(parents=True)
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "a" / "link")
    assert len(list(walk_files(tmp_path / "data"))) == 1


def test_table_cannot_be_changed(class_folders):
    index = index_directory(class_folders)
    with pytest.raises(ValueError, match="read-only"):
        index.labels[0] = 1
    with pytest.raises(AttributeError):
        index.paths = ()


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ([], "At least two class folders|at least two class folders .* found none"),
        (["cat/x.jpg"], "found only 'cat'"),
        (["cat/x.jpg", "dog/"], r"'.*dog' has no files"),
    ],
)
def test_unfit_folders_raise_in_words(tmp_path, folders, message):
    for folder in folders:
        path = tmp_path / folder
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if folder.endswith("/") else path.write_bytes(b"")
    with pytest.raises(DataError, match=message):
        index_directory(tmp_path)


def test_missing_folder_and_file_raise_in_words(tmp_path):
    with pytest.raises(DataError, match="Expected a folder, but there is no"):
        index_directory(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        index_directory(tmp_path / "file")


def test_unfit_tables_raise_in_words():
    with pytest.raises(ValueError, match=r"one class index per path, \(2,\)"):
        ImageIndex(("a", "b"), np.zeros(3, int), ("x",))
    with pytest.raises(ValueError, match="to be in 0 to 0"):
        ImageIndex(("a",), np.array([1]), ("x",))
