"""A whole index is decoded once, in order, with the bad files left out and listed."""

import shutil

import numpy as np
import pytest

from kerasnorm.data import (
    DataError,
    ImageIndex,
    decode_image,
    index_directory,
    load_images,
)
from kerasnorm.data.images.decoded_images import free_memory
from kerasnorm.data.store.stored_images import StoredImages

SIZE = (17, 13)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("memory_budget", [None, 0])
def test_images_equal_single_decoding(class_folders, memory_budget):
    index = index_directory(class_folders)
    decoded = load_images(index, SIZE, memory_budget=memory_budget)
    assert decoded.images.dtype == np.uint8
    assert decoded.image_size == SIZE
    assert len(decoded) == len(decoded.paths) == len(decoded.labels) == 16
    for path, image in zip(decoded.paths, decoded.images, strict=True):
        np.testing.assert_array_equal(image, decode_image(path, SIZE))


def test_over_the_budget_the_disk_is_used(class_folders):
    index = index_directory(class_folders)
    assert isinstance(load_images(index, SIZE, memory_budget=0).images, StoredImages)
    assert isinstance(load_images(index, SIZE).images, np.ndarray)


def test_a_quarter_of_the_free_memory_is_the_budget(class_folders, monkeypatch):
    index = index_directory(class_folders)
    needed = len(index) * SIZE[0] * SIZE[1] * 3
    free_memory = "kerasnorm.data.store.open_images.free_memory"
    monkeypatch.setattr(free_memory, lambda: 4 * needed)
    assert isinstance(load_images(index, SIZE).images, np.ndarray)
    monkeypatch.setattr(free_memory, lambda: 4 * needed - 1)
    assert isinstance(load_images(index, SIZE).images, StoredImages)


@pytest.mark.parametrize("memory_budget", [None, 0])
def test_bad_files_are_left_out_and_listed(class_folders, tmp_path, memory_budget):
    shutil.copytree(class_folders, tmp_path / "data")
    bad = tmp_path / "data" / "ant" / "ant.3.jpg"
    bad.write_bytes(b"")
    (tmp_path / "data" / "bee" / ".hidden").write_bytes(b"")
    index = index_directory(tmp_path / "data")
    decoded = load_images(index, SIZE, memory_budget=memory_budget)
    assert dict(decoded.rejected) == {
        str(bad): "the file is empty",
        str(tmp_path / "data" / "bee" / ".hidden"): "hidden file",
        str(tmp_path / "data" / "cat" / "notes.txt"): "not an image in a known format",
    }
    kept = [index.paths.index(path) for path in decoded.paths]
    np.testing.assert_array_equal(decoded.labels, index.labels[kept])
    for path, image in zip(decoded.paths, decoded.images, strict=True):
        np.testing.assert_array_equal(image, decode_image(path, SIZE))


def test_progress_counts_every_file(class_folders):
    seen = []
    index = index_directory(class_folders)
    load_images(index, SIZE, progress=lambda *numbers: seen.append(numbers))
    assert seen == [(number + 1, len(index)) for number in range(len(index))]


def test_a_class_without_usable_files_raises(class_folders, tmp_path):
    shutil.copytree(class_folders / "ant", tmp_path / "ant")
    (tmp_path / "fly").mkdir()
    (tmp_path / "fly" / "1.jpg").write_bytes(b"<html>")
    with pytest.raises(
        DataError, match=r"image of class 'fly', but none of its 1 files .*1.jpg"
    ):
        load_images(index_directory(tmp_path), SIZE)


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5,)])
def test_unfit_size_raises(class_folders, size):
    with pytest.raises(DataError, match="at least 1 pixel"):
        load_images(index_directory(class_folders), size)


def test_empty_index_raises():
    with pytest.raises(DataError, match="Expected image files to load"):
        load_images(ImageIndex((), np.zeros(0, int), ("a", "b")), SIZE)


def test_free_memory_is_a_number_of_bytes():
    assert 2**20 < free_memory() < 2**50
