import numpy as np
import pytest
from PIL import Image

from kerasnorm.data.images import shared_images
from kerasnorm.data.images.load_images import load_images
from kerasnorm.data.sources.index import index_directory


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(3):
            pixels = draw.integers(0, 255, (12, 10, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    (tmp_path / "data" / "dog" / "bad.jpg").write_bytes(b"no image")
    return tmp_path


def load(folder):
    index = index_directory(folder / "data")
    return shared_images.load_shared_images(index, (8, 8), folder / "cache")


def test_shared_images_are_those_decoded_alone(folder):
    alone = load_images(index_directory(folder / "data"), (8, 8))
    for shared in (load(folder), load(folder)):
        assert np.array_equal(shared.images, alone.images)
        assert np.array_equal(shared.labels, alone.labels)
        assert shared.paths == alone.paths
        assert shared.rejected == alone.rejected


def test_a_second_process_decodes_nothing(folder, monkeypatch):
    load(folder)
    monkeypatch.setattr(shared_images, "load_images", None)
    assert len(load(folder)) == 6


def test_a_changed_image_is_decoded_anew(folder):
    before = load(folder)
    file = folder / "data" / "cat" / "0.png"
    Image.fromarray(np.zeros((12, 10, 3), np.uint8)).save(file)
    after = load(folder)
    assert before.images[0].any() and not after.images[0].any()


def test_nobody_can_spoil_the_images_of_others(folder):
    with pytest.raises(ValueError, match="read-only"):
        load(folder).images[0] = 0
