"""Images are the same with every cache; what is stored is not decoded again."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, ImageIndex, index_directory
from kerasnorm.data.store import open_images, space
from kerasnorm.data.store.kinds import CACHES
from kerasnorm.data.store.open_images import Caching
from tests.data.conftest import save_image

SIZE = (17, 13)


@pytest.fixture
def folder(tmp_path, class_folders, monkeypatch):
    """A copy of the class folders with a broken file, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # So that few and small images are kept as well.
    monkeypatch.setattr(open_images, "FEW_IMAGES", 0)
    shutil.copytree(class_folders, tmp_path / "data")
    (tmp_path / "data" / "bee" / "bad.png").write_bytes(b"no image")
    return tmp_path / "data"


@pytest.fixture
def decoded(monkeypatch):
    """Positions that are decoded while the store is filled, or for a batch."""
    seen = []
    decode = ImageIndex.decode

    def note(index, position, *size, **limits):
        seen.append(index.names[position])
        return decode(index, position, *size, **limits)

    monkeypatch.setattr(ImageIndex, "decode", note)
    return seen


def opened(folder, cache="disk", **options):
    index = index_directory(folder)
    images, note = open_images.open_images(
        {"all": index}, SIZE, Caching(cache, **options)
    )
    return images["all"], note


def same(one, other):
    np.testing.assert_array_equal(np.asarray(one.images), np.asarray(other.images))
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.paths == other.paths
    assert one.rejected == other.rejected
    assert one.class_names == other.class_names


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("before", [None, "disk", "none", "auto"])
def test_every_cache_gives_the_same_images(folder, cache, before):
    plain, _ = opened(folder, "memory")
    assert len(plain.rejected) == 2
    if before is not None:
        opened(folder, before)
    found, note = opened(folder, cache)
    same(found, plain)
    assert note.startswith("16 images, 11 kB: ")
    order = np.array([3, 0, 15, 3])
    np.testing.assert_array_equal(found.read(order), plain.images[order])


@pytest.mark.parametrize("cache", ["disk", "auto"])
def test_what_is_stored_is_not_decoded_again(folder, decoded, cache):
    opened(folder, cache)
    assert len(decoded) == 18
    decoded.clear()
    for again in ("disk", "auto"):
        np.asarray(opened(folder, again)[0].images)
    assert decoded == []


def test_other_parts_of_a_folder_find_their_images(folder, decoded):
    index = index_directory(folder)
    some, rest = index.take([1, 5, 9, 16]), index.take([0, 5, 16, 9, 12])
    open_images.open_images({"train": some}, SIZE, Caching("disk"))
    decoded.clear()
    images, _ = open_images.open_images({"train": rest}, SIZE, Caching("disk"))
    assert decoded == [index.names[0], index.names[12]]
    plain, _ = open_images.open_images({"train": rest}, SIZE, Caching("memory"))
    same(images["train"], plain["train"])


def test_only_what_has_changed_is_decoded_again(folder, decoded):
    opened(folder)
    decoded.clear()
    save_image(folder / "ant" / "ant.0.jpg", seed=99)
    save_image(folder / "ant" / "new.png", seed=98)
    (folder / "bee" / "bee.0.jpg").unlink()
    save_image(folder / "bee" / "bad.png", seed=97)
    found, _ = opened(folder)
    assert sorted(decoded) == ["ant/ant.0.jpg", "ant/new.png", "bee/bad.png"]
    same(found, opened(folder, "memory")[0])


def test_without_a_cache_every_batch_is_decoded(folder, decoded):
    opened(folder, "disk")
    found, note = opened(folder, "none")
    assert note == "16 images, 11 kB: decoded for each batch"
    decoded.clear()
    found.read([0, 1])
    found.read([1])
    assert len(decoded) == 3


def test_rejected_files_are_looked_at_once(folder, decoded):
    opened(folder, "none")
    decoded.clear()
    found, _ = opened(folder, "none")
    assert decoded == []
    assert len(found.rejected) == 2


def test_a_class_without_images_is_named_from_the_store_as_well(folder):
    for path in (folder / "bee").rglob("*.*"):
        path.write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(DataError, match="of class 'bee', but none of its 5 files"):
            opened(folder)


def test_an_image_that_changes_while_it_is_read_is_taken_as_it_is_then(
    folder, monkeypatch
):
    index = index_directory(folder)
    decode, file = ImageIndex.decode, folder / "ant" / "ant.0.jpg"

    def change(index, position, *size, **limits):
        image = decode(index, position, *size, **limits)
        if index.paths[position] == str(file) and not changed:
            changed.append(True)
            Image.new("RGB", (9, 9), (250, 0, 0)).save(file)
        return image

    changed = []
    monkeypatch.setattr(ImageIndex, "decode", change)
    images, _ = open_images.open_images({"all": index}, SIZE, Caching("disk"))
    assert images["all"].images[0].mean(axis=(0, 1))[0] > 200
    same(images["all"], opened(folder, "memory")[0])
    same(images["all"], opened(folder, "disk")[0])


def test_more_than_the_memory_is_refused_by_name(folder, monkeypatch):
    monkeypatch.setattr(open_images, "free_memory", lambda: 1000)
    with pytest.raises(DataError, match=r"for 12 kB .*received 1 kB.*--cache disk"):
        opened(folder, "memory")
    assert "on disk in" in opened(folder, "auto")[1]


def test_a_limit_removes_what_was_not_used_for_the_longest_time(folder, tmp_path):
    sides = (20, 24, 28)
    index = index_directory(folder)
    for side in sides:
        open_images.open_images({"a": index}, (side, side), Caching("disk"))
    kept = [store.made_from["image_size"][0] for store in space.list_stores()]
    assert kept == [28, 24, 20]
    sizes = {
        store.made_from["image_size"][0]: store.size for store in space.list_stores()
    }
    limit = (sizes[28] + 2.2 * sizes[24]) / 1e9
    held, note = open_images.open_images(
        {"a": index}, (20, 20), Caching("disk", limit=limit)
    )
    assert "on disk in" in note
    images, note = open_images.open_images(
        {"a": index}, (25, 25), Caching("disk", limit=limit)
    )
    kept = [store.made_from["image_size"][0] for store in space.list_stores()]
    # The oldest would be that of 20 pixels, which is in use.
    assert kept == [25, 20, 28]
    _, note = open_images.open_images(
        {"a": index}, (200, 200), Caching("disk", limit=limit)
    )
    assert "decoded for each batch (the cache may take" in note
    assert len(held["a"]) == len(images["a"]) == 16


@pytest.mark.parametrize(
    "count, text",
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (27_648, "28 kB"),
        (663_552_000, "664 MB"),
        (999_600_000, "1.0 GB"),
        (35_400_000_000, "35.4 GB"),
    ],
)
def test_amounts_are_in_words(count, text):
    assert space.amount(count) == text
