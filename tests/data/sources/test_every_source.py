"""The same images in every kind of source: equal content, classes, parts and splits."""

import hashlib

import numpy as np
import pytest

from kerasnorm.data.scan.image_scan import scan_images
from kerasnorm.data.sources.folds import k_folds
from kerasnorm.data.sources.source import open_files, open_part, open_source
from kerasnorm.data.sources.split_match import match_split
from kerasnorm.data.sources.split_table import SplitTable
from kerasnorm.data.store.load_images import load_images
from tests.data.sources.kinds import CLASSES, MAKERS, make_folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("divided"), parts=("train", "test"))


def contents(index):
    """Return each image's hash with the name of its class."""
    return sorted(
        (hashlib.sha256(index.items.read(n)).hexdigest(), index.class_names[label])
        for n, label in enumerate(index.labels)
    )


@pytest.mark.parametrize("kind", MAKERS)
def test_every_source_has_the_images_of_the_folder(kind, plain, tmp_path):
    folder = open_files(plain).parts["all"]
    spec = MAKERS[kind](plain, tmp_path / "made")
    for _ in range(2):
        # The second time from the index in the cache.
        files = open_files(spec)
        index = files.parts["all"]
        assert files.class_names == CLASSES and not index.ignored
        assert contents(index) == contents(folder)
        assert len(set(index.names)) == len(index) == len(set(index.paths))
    sizes = [len(index.items.read(n)) for n in range(len(index))]
    assert index.items.stamps()[:, 0].tolist() == sizes
    assert [index.items.head(n, 4) for n in range(len(index))] == [
        index.items.read(n)[:4] for n in range(len(index))
    ]
    taken = index.take([7, 2])
    assert taken.items.read(0) == index.items.read(7)
    assert (taken.items.stamps() == index.items.stamps()[[7, 2]]).all()
    decoded = load_images(index, (16, 16))
    assert len(decoded) == 15
    assert np.array_equal(np.asarray(decoded.images[3]), index.decode(3, (16, 16)))


@pytest.mark.parametrize("kind", MAKERS)
def test_parts_serve_as_those_of_folders_do(kind, divided, tmp_path):
    spec = MAKERS[kind](divided, tmp_path / "made")
    folder, source = open_source(divided), open_source(spec)
    assert source.has_own_validation
    for part in ("train", "validation"):
        assert contents(getattr(source, part)) == contents(getattr(folder, part))
    assert contents(open_part(spec, "validation")[0]) == contents(folder.validation)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_split_is_the_same_again_and_folds_hold_every_image_once(
    kind, plain, tmp_path
):
    spec = MAKERS[kind](plain, tmp_path / "made")
    source, again = open_source(spec), open_source(spec)
    assert source.validation.names == again.validation.names
    assert sorted(np.bincount(source.validation.labels)) == [1, 1, 1]
    whole = open_files(spec).parts["all"]
    seen = [name for _, held in k_folds(whole, 3) for name in held.names]
    assert sorted(seen) == sorted(whole.names)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_saved_split_finds_its_images_again(kind, plain, tmp_path):
    spec = MAKERS[kind](plain, tmp_path / "made")
    files, source = open_files(spec), open_source(spec)
    parts = {"train": source.train, "validation": source.validation}
    table = SplitTable.of(parts, has_labels=not files.layout.has_folders)
    file = tmp_path / "split.csv"
    file.write_text(table.to_csv())
    found, changes = match_split(SplitTable.read(file), open_files(spec))
    assert not changes.describe("")
    for part, index in parts.items():
        assert found[part].names == index.names
        assert (found[part].labels == index.labels).all()
        assert found[part].class_names == CLASSES
        assert contents(found[part]) == contents(index)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_scan_says_the_same_of_every_source(kind, divided, tmp_path):
    scan = scan_images(MAKERS[kind](divided, tmp_path / "made"))
    assert (len(scan.accepted), scan.rejected) == (30, ())
    assert scan.class_counts == scan_images(divided).class_counts
    assert scan.counts["duplicate_groups_across_splits"] == 0


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind.startswith("t")])
def test_another_label_is_a_change(kind, plain, tmp_path):
    files = open_files(MAKERS[kind](plain, tmp_path / "made"))
    whole = files.parts["all"]
    table = SplitTable.of({"validation": whole}, has_labels=True)
    other = np.roll(whole.labels, 1)
    object.__setattr__(whole, "labels", other)
    _, changes = match_split(table, files)
    different = int(np.sum(np.roll(other, -1) != other))
    assert len(changes.changed["validation"]) == different > 0
    assert changes.is_another_measurement
