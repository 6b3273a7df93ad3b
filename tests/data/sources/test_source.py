"""Everything `--data` can name opens as training and validation files."""

import os
import shutil

import pytest

from kerasnorm.data import DataError, open_source
from tests.data.conftest import save_image


def test_class_folders_are_split(class_folders):
    source = open_source(class_folders, validation_fraction=0.3, seed=1)
    assert source.name == str(class_folders)
    assert source.class_names == ("ant", "bee", "cat")
    assert len(source.train) + len(source.validation) == 17
    assert not set(source.train.paths) & set(source.validation.paths)


def test_train_and_validation_folders_are_used_as_they_are(class_folders, tmp_path):
    for side in ("train", "validation"):
        shutil.copytree(class_folders, tmp_path / side)
    source = open_source(str(tmp_path))
    assert len(source.train) == len(source.validation) == 17
    assert all("validation" in path for path in source.validation.paths)


def test_different_classes_on_the_two_sides_raise(class_folders, tmp_path):
    for side in ("train", "validation"):
        shutil.copytree(class_folders, tmp_path / side)
    (tmp_path / "validation" / "bee").rename(tmp_path / "validation" / "wasp")
    message = r"Only for training: \['bee'\]; only for validation: \['wasp'\]"
    with pytest.raises(DataError, match=message):
        open_source(tmp_path)


@pytest.mark.parametrize("other", ["val", "valid", "dev", "test"])
def test_the_validation_folder_may_have_another_name(class_folders, tmp_path, other):
    for side in ("train", other):
        shutil.copytree(class_folders, tmp_path / side)
    source = open_source(tmp_path)
    assert source.class_names == ("ant", "bee", "cat")
    assert all(f"{os.sep}{other}{os.sep}" in path for path in source.validation.paths)


def test_validation_is_taken_before_test(class_folders, tmp_path):
    for side in ("train", "validation", "test"):
        shutil.copytree(class_folders, tmp_path / side)
    source = open_source(tmp_path)
    assert all("validation" in path for path in source.validation.paths)


def test_a_class_may_be_called_train(class_folders, tmp_path):
    shutil.copytree(class_folders / "cat", tmp_path / "train")
    shutil.copytree(class_folders / "ant", tmp_path / "bus")
    assert open_source(tmp_path).class_names == ("bus", "train")


def test_images_without_class_folders_raise(tmp_path):
    save_image(tmp_path / "x.png", 4, 4)
    with pytest.raises(DataError, match="has no sub-folders"):
        open_source(tmp_path)


def test_drawn_pets_are_the_default(monkeypatch, class_folders):
    drawn_pets = pytest.importorskip("kerasnorm.data.drawn_pets.dataset")
    monkeypatch.setattr(drawn_pets, "drawn_pets_directory", lambda: class_folders)
    for name in (None, "drawn"):
        source = open_source(name)
        assert (source.name, len(source.class_names)) == ("drawn", 3)
