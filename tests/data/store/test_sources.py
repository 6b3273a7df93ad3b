"""Images of every kind of source are kept, found again, and the same in every store."""

import os

import numpy as np
import pytest
from PIL import Image

from kerasnorm.data import DataError, ImageIndex
from kerasnorm.data.sources.source import open_files
from kerasnorm.data.store.open_images import Caching, open_images
from tests.data.sources.kinds import MAKERS, make_folder, make_tar


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("plain"))


@pytest.fixture
def decoded(monkeypatch):
    """Positions of the images that are decoded."""
    seen, decode = [], ImageIndex.decode

    def note(index, position, *size, **limits):
        seen.append(position)
        return decode(index, position, *size, **limits)

    monkeypatch.setattr(ImageIndex, "decode", note)
    return seen


def opened(spec, cache):
    parts = open_files(spec).parts
    images, _ = open_images(parts, (16, 16), Caching(cache))
    return images["all"]


@pytest.mark.parametrize("kind", MAKERS)
def test_every_store_has_the_images_of_every_source(
    kind, plain, tmp_path, keeping, decoded
):
    spec = MAKERS[kind](plain, tmp_path / "made")
    right = opened(spec, "memory")
    order = np.random.default_rng(0).permutation(15)
    for again in (False, True):
        for cache in ("auto", "disk", "none"):
            decoded.clear()
            images = opened(spec, cache)
            np.testing.assert_array_equal(images.read(order), right.images[order])
            np.testing.assert_array_equal(images.labels, right.labels)
            if again:
                assert len(decoded) == (15 if cache == "none" else 0)


@pytest.mark.parametrize("kind", ["tar_json", "tfrecord"])
def test_a_shard_that_changes_is_never_taken_for_the_other(
    kind, plain, tmp_path, keeping
):
    made = tmp_path / "made"
    spec = MAKERS[kind](plain, made)
    right = opened(spec, "memory").images
    images, kept = opened(spec, "none"), opened(spec, "disk")
    for shard in made.iterdir():
        os.utime(shard, ns=(1, 1))
    np.testing.assert_array_equal(kept.read(np.arange(15)), right)
    with pytest.raises(DataError, match="as it was when its run began"):
        images.read(np.arange(15))


def test_members_that_differ_in_their_shard_alone_are_two_images(tmp_path, keeping):
    for number, shade in enumerate((10, 240)):
        folder = tmp_path / f"images{number}"
        for label in ("a", "b"):
            (folder / label).mkdir(parents=True)
            image = Image.new("RGB", (8, 8), (shade,) * 3)
            image.save(folder / label / "0.bmp")
        make_tar(folder, tmp_path / f"made{number}", "folder")
    shards = tmp_path / "shards"
    shards.mkdir()
    for number in (0, 1):
        (source,) = (tmp_path / f"made{number}").glob("*-00000.tar")
        os.rename(source, shards / f"{number}.tar")
        os.utime(shards / f"{number}.tar", ns=(10**18, 10**18))
        (rest,) = (tmp_path / f"made{number}").glob("*-00001.tar")
        os.rename(rest, shards / f"{number + 2}.tar")
        os.utime(shards / f"{number + 2}.tar", ns=(10**18, 10**18))
    images = opened(f"shards:{shards}/*.tar", "disk")
    shades = np.asarray(images.images)[:, 0, 0, 0]
    assert sorted(shades) == [10, 10, 240, 240]
