"""Batches are the same bit for bit in every store and every part of the data."""

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import psutil

from kerasnorm.data import DecodedImages, evaluation_batches, training_batches
from kerasnorm.data.images.decoded_images import aligned_array
from kerasnorm.data.pipelines import epoch_plan_tf
from kerasnorm.data.pipelines.reading_tf import image_reader
from kerasnorm.training.inputs import batches as batching
from kerasnorm.training.inputs.loading import load_data
from kerasnorm.training.loop.run_context import RunContext
from kerasnorm.training.settings import Settings
from tests.data.conftest import save_image
from tests.marks import thorough_after

OPTIONS = {
    "all": {
        "balanced": True,
        "mixup": 0.2,
        "cutmix": 0.5,
        "color_jitter": 0.3,
        "random_erasing": 0.3,
        "crop_area": 0.5,
        "train_size": 16,
        "center_crop": 0.75,
    },
    "progressive": {"progressive_resizing": True, "epochs": 6},
    "plain": {},
    "folds": {"folds": 3, "fold": 1},
    "balanced": {"balanced": True},
    "mixup": {"mixup": 0.2},
    "fraction and label noise": {"fraction": 0.6, "label_noise": 0.3},
}
CACHES = ("memory", "disk", "none", "auto")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for number in range(36):
        name = ("cat", "dog", "fox")[number % 9 // 4]
        save_image(folder / "data" / name / f"{number}.jpg", 40, 44, seed=number)
    (folder / "data" / "cat" / "bad.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture(autouse=True)
def cache(folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr("kerasnorm.data.store.open_images.FEW_IMAGES", 0)


def taken(folder, cache, first_step, count, **changes):
    settings = Settings(
        data=str(folder / "data"),
        image_size=32,
        batch_size=4,
        rotation_range=20,
        cache=cache,
        **changes,
    )
    data = load_data(settings)
    context = RunContext(None, settings, data, None, None, None)
    found = [(x.numpy(), y.numpy()) for x, y in context.batches(first_step).take(count)]
    if first_step == 0:
        validation = batching.validation_batches(settings, data)
        found += [(x.numpy(), y.numpy()) for x, y in validation]
    return found


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("name", thorough_after(1, OPTIONS))
def test_every_store_gives_the_same_batches_and_resumes_alike(folder, name):
    options = OPTIONS[name]
    whole = taken(folder, "memory", 0, 16, **options)
    for cache in CACHES[1:]:
        assert_same(taken(folder, cache, 0, 16, **options), whole)
        # In mid-epoch, and with another cache than the run began with.
        assert_same(taken(folder, cache, 9, 4, **options), whole[9:13])


@pytest.mark.parametrize("first_step", thorough_after(1, [11, 0, 3]))
@pytest.mark.parametrize("balanced", thorough_after(1, [True, False]))
def test_an_epoch_drawn_in_parts_is_the_epoch_drawn_at_once(
    folder, monkeypatch, first_step, balanced
):
    options = {"mixup": 0.2, "random_erasing": 0.3, "balanced": balanced}
    whole = taken(folder, "memory", first_step, 16, **options)
    monkeypatch.setattr(epoch_plan_tf, "CHUNK_IMAGES", 8)
    assert_same(taken(folder, "memory", first_step, 16, **options), whole)


@pytest.mark.parametrize("make", [training_batches, evaluation_batches])
def test_no_pipeline_copies_the_images(make):
    images = aligned_array((1500, 150, 150, 3))
    images[:] = 7
    decoded = DecodedImages(images, np.arange(1500) % 2, ("",) * 1500, ("a", "b"))
    next(iter(make(decoded, 4)))
    before = psutil.Process().memory_info().rss
    next(iter(make(decoded, 4)))
    assert psutil.Process().memory_info().rss - before < images.nbytes / 3


def test_images_in_memory_are_gathered_without_python(folder):
    images = np.zeros((4, 8, 8, 3), np.uint8)
    decoded = DecodedImages(images, np.zeros(4, int), ("",) * 4, ("a",))
    reader = image_reader(decoded)
    decoded.__dict__["read"] = None
    assert reader(np.array([1, 3])).shape == (2, 8, 8, 3)
