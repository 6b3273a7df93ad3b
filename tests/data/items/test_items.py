"""Images by position: their bytes, names and stamps, and tables that stay small."""

import os
import pickle
import tracemalloc

import numpy as np
import pytest

from kerasnorm.data.errors import ImageError
from kerasnorm.data.images.decode import decode_image
from kerasnorm.data.items.items import FileItems
from kerasnorm.data.items.texts import NamesBelow, Texts
from kerasnorm.data.sources.folds import k_folds
from kerasnorm.data.sources.index import ImageIndex, index_directory
from kerasnorm.data.sources.split import split_index

WORDS = ["", "a", "b/ä", "c\udcff", "long " * 9]
IMAGES = 1_281_167


def test_texts_are_a_sequence_like_a_tuple():
    texts = Texts.of(WORDS)
    assert texts == tuple(WORDS) and list(texts) == WORDS and len(texts) == 5
    assert [texts[i] for i in range(-5, 5)] == [WORDS[i] for i in range(-5, 5)]
    assert texts[np.int64(2)] == WORDS[2]
    for part in (slice(1, 3), slice(None, None, -1), slice(-2, None), slice(3, 1)):
        assert texts[part] == WORDS[part]
    assert texts.take(np.array([4, 0, 4])) == [WORDS[4], WORDS[0], WORDS[4]]
    assert "c\udcff" in texts and "d" not in texts and texts.index("a") == 1
    assert texts[:1] + texts[3:] == WORDS[:1] + WORDS[3:]
    assert pickle.loads(pickle.dumps(texts)) == texts
    assert Texts.of([]) == () and texts != WORDS[1:] and texts != "abcde"
    for wrong in (5, -6):
        with pytest.raises(IndexError):
            texts[wrong]


def test_names_are_paths_below_a_folder():
    paths = [os.path.join("root", "a", "1"), os.path.join("rooted", "2")]
    names = NamesBelow(paths, "root")
    assert (
        names == ("a/1", "rooted/2")
        and names[:1] == ["a/1"]
        and names[-1] == ("rooted/2")
    )
    assert list(NamesBelow(paths, "")) == [path.replace(os.sep, "/") for path in paths]


def test_an_index_reads_every_item_by_its_position(class_folders):
    index = index_directory(class_folders)
    for position, path in enumerate(index.paths):
        with open(path, "rb") as file:
            content = file.read()
        assert index.items.read(position) == content
        assert index.items.head(position, 5) == content[:5]
        if path.endswith(".txt"):
            continue
        assert np.array_equal(
            index.decode(position, (9, 7)), decode_image(path, (9, 7))
        )
    taken = index.take([5, 2])
    assert (
        taken.items.read(0) == index.items.read(5) and taken.names[1] == index.names[2]
    )


def test_stamps_change_with_a_file_and_are_zero_without(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(b"12345")
    items = FileItems([str(tmp_path / name) for name in "abc"])
    before = items.stamps()
    assert before[:, 0].tolist() == [5, 5, 0] and not before[2].any()
    (tmp_path / "a").write_bytes(b"1234")
    assert (items.stamps() != before).any(axis=1).tolist() == [True, False, False]
    with pytest.raises(ImageError, match="c: No such file"):
        items.read(2)
    assert items.head(2, 4) == b""


@pytest.mark.thorough
def test_a_million_images_are_indexed_and_divided_in_little_memory():
    """What an index, its split and a fold keep, and what they need on the way."""
    tracemalloc.start()
    try:
        index = ImageIndex(
            Texts.of(
                f"/data/imagenet/train/n{n % 1000:08d}/n{n % 1000:08d}_{n}.JPEG"
                for n in range(IMAGES)
            ),
            np.arange(IMAGES) % 1000,
            tuple(f"n{n:08d}" for n in range(1000)),
            root="/data/imagenet/train",
        )
        assert tracemalloc.get_traced_memory()[1] < 300e6
        train, validation = split_index(index, 0.1, 0)
        next(k_folds(index, 5))
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(train) + len(validation) == IMAGES
    assert kept < 300e6 and peak < 800e6, (kept, peak)
