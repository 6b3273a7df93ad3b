"""From every source and store the same batches, also where a run resumes."""

import csv
import pathlib

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasnorm.training.inputs import batches as batching
from kerasnorm.training.inputs.loading import load_data
from kerasnorm.training.loop.run_context import RunContext
from kerasnorm.training.settings import Settings
from tests.data.sources.kinds import MAKERS, make_folder, make_table
from tests.marks import thorough_after

CACHES = ("memory", "disk", "none")
STEPS, STOPPED = 10, 6
OPTIONS = {
    "folds": {"folds": 3, "fold": 1},
    "progressive": {"progressive_resizing": True, "epochs": 6},
    "all": {"folds": 3, "mixup": 0.2, "crop_area": 0.5, "balanced": True},
}


def weighted(folder, target):
    """Write a table with parts and weights."""
    file = pathlib.Path(make_table(folder, target))
    with file.open(newline="") as stream:
        head, *rows = csv.reader(stream)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*head, "part", "sample_weight"])
        for number, row in enumerate(rows):
            part = ("train", "train", "validation")[number % 3]
            writer.writerow([*row, part, 0.5 + number % 4])
    return str(file)


def of_tfds(folder, target, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    from tests.data.sources.folder_dataset import make_tfds

    return make_tfds(folder, target, monkeypatch)


KINDS = ("tar_json", "weighted", "tfds", "tfrecord", "table", "folder")
ROWS = [(kind, name) for name in OPTIONS for kind in KINDS]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("images"), counts=(12, 11, 10))


def taken(settings, first_step, count):
    """Return batches from a step on as a run has them, and those of validation."""
    data = load_data(settings)
    context = RunContext(None, settings, data, None, None, None)
    found = list(context.batches(first_step).take(count).as_numpy_iterator())
    validation = batching.validation_batches(settings, data)
    return found, list(validation.as_numpy_iterator())


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        for part, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize(("kind", "name"), thorough_after(1, ROWS))
def test_every_store_of_a_source_has_the_same_batches_and_resumes_alike(
    kind, name, images, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("kerasnorm.data.store.open_images.FEW_IMAGES", 0)
    if kind == "tfds":
        spec = of_tfds(images, tmp_path / "made", monkeypatch)
    else:
        make = weighted if kind == "weighted" else MAKERS[kind]
        spec = make(images, tmp_path / "made")
    options = OPTIONS[name]
    if kind == "weighted":
        # Its rows say what validates, and too few of a class train for folds.
        options = {key: options[key] for key in options if not key.startswith("fold")}
    settings = Settings(
        data=spec, image_size=32, batch_size=4, rotation_range=20, **options
    )
    whole, validation = taken(settings.replace(cache="memory"), 0, STEPS)
    assert {len(batch) for batch in whole} == {3 if kind == "weighted" else 2}
    for cache in CACHES:
        # In the middle of an epoch, with another store than the run began with.
        found, judged = taken(
            settings.replace(cache=cache), STOPPED, len(whole) - STOPPED
        )
        assert_same(found, whole[STOPPED:])
        assert_same(judged, validation)
    if name == "folds" and kind != "weighted":
        labels = sum(len(labels) for _, labels in validation)
        assert labels == 11
