"""Settings reach the batches, and every batch is a pure function of its number."""

import importlib
import pkgutil

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

import apps
from kerasnorm.data import DecodedImages
from kerasnorm.training import UsageError
from kerasnorm.training.inputs import batches
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.settings import Settings
from tests.marks import thorough_after

OPTIONS = {
    "plain": {},
    "balanced": {"balanced": True},
    "rand_augment": {"rand_augment": 0.5},
    "random_erasing": {"random_erasing": 0.5},
    "all": {"balanced": True, "rand_augment": 0.3, "random_erasing": 0.3, "mixup": 0.2},
}


@pytest.fixture(scope="module")
def data():
    images = np.random.default_rng(0).integers(1, 255, (12, 16, 16, 3), np.uint8)
    labels = np.array([0] * 9 + [1] * 3)
    paths = tuple(f"{number}.jpg" for number in range(12))
    decoded = DecodedImages(images, labels, paths, ("a", "b"))
    return Data(decoded, decoded, [])


def taken(data, count, first_step=0, skipped=(), **changes):
    still = {"rotation_range": 0, "width_shift_range": 0, "height_shift_range": 0}
    still |= {"shear_range": 0, "zoom_range": 0, "horizontal_flip": False}
    settings = Settings(batch_size=4, **(still | changes))
    dataset = batches.training_batches(settings, data, first_step, skipped)
    return [(x.numpy(), y.numpy()) for x, y in dataset.take(count)]


@pytest.mark.parametrize(
    "name",
    thorough_after(1, ["plain", "all", "balanced", "rand_augment", "random_erasing"]),
)
def test_a_resumed_run_sees_what_an_uninterrupted_one_does(data, name):
    options = OPTIONS[name]
    whole = taken(data, 8, **options)
    for ours, theirs in zip(taken(data, 3, 5, **options), whole[5:], strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("name", thorough_after(1, ["plain", "all"]))
@pytest.mark.parametrize(
    ("skipped", "order"),
    [({1}, [0, 2, 2, 3, 4, 5]), ({1, 2, 4}, [0, 3, 3, 3, 5, 5])],
)
def test_a_skipped_step_gives_its_place_to_the_next(data, name, skipped, order):
    options = OPTIONS[name]
    whole = taken(data, 6, **options)
    around = taken(data, 6, skipped=skipped, **options)
    for (images, _), step in zip(around, order, strict=True):
        np.testing.assert_array_equal(images, whole[step][0])


def test_random_erasing_takes_its_share_of_the_images(data):
    plain = taken(data, 30)
    erased = taken(data, 30, random_erasing=0.25)
    changed = [
        np.any(one != other, axis=(1, 2, 3))
        for (one, _), (other, _) in zip(plain, erased, strict=True)
    ]
    assert np.mean(changed) == pytest.approx(0.25, abs=0.12)


@pytest.mark.thorough
def test_rand_augment_changes_images_and_keeps_their_range(data):
    for (one, _), (other, _) in zip(
        taken(data, 3), taken(data, 3, rand_augment=0.5), strict=True
    ):
        assert np.any(one != other)
        assert other.min() >= 0
        assert other.max() <= 255


APPS = {
    found.name: module.APP
    for found in pkgutil.iter_modules(apps.__path__)
    if hasattr(module := importlib.import_module(f"apps.{found.name}"), "APP")
}
PRESETS = [f"{name} {preset}" for name, app in APPS.items() for preset in app.presets]


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_asks_for_what_one_backend_alone_can_do(preset, monkeypatch):
    app, name = preset.split()
    own = APPS[app]
    settings = own.settings.replace(**own.presets[name])
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert batches.keras_layers(settings) == []


def test_what_needs_tensorflow_is_refused_on_other_backends(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="expected --rand-augment null"):
        batches.keras_layers(Settings(rand_augment=0.5))


@pytest.mark.parametrize("accumulate", [1, 3, 4, 30])
def test_an_epoch_has_the_batches_of_a_step(data, accumulate):
    """12 images are three batches of four."""
    settings = Settings(batch_size=4, accumulate=accumulate, epochs=30)
    if accumulate <= 3:
        batches.check_accumulation(settings, data)
        return
    with pytest.raises(UsageError, match=f"--accumulate 3 or less.*{accumulate}"):
        batches.check_accumulation(settings, data)


def test_an_epoch_without_a_whole_batch_takes_single_ones(data):
    settings = Settings(batch_size=16, epochs=30)
    batches.check_accumulation(settings, data)
    with pytest.raises(UsageError, match="--accumulate 1 or less"):
        batches.check_accumulation(settings.replace(accumulate=2), data)


@pytest.mark.parametrize("balanced", [False, True])
def test_files_are_those_of_the_batch(data, balanced):
    settings = Settings(batch_size=4, balanced=balanced)
    for step, (images, _) in enumerate(taken(data, 5, balanced=balanced)):
        files = batches.files_of(settings, data, step)
        positions = [data.train.paths.index(file) for file in files]
        np.testing.assert_array_equal(images, data.train.images[positions])


def test_balanced_batches_show_the_small_class_as_often(data):
    labels = np.concatenate([y for _, y in taken(data, 30, balanced=True)])
    assert labels.mean(axis=0)[1] == pytest.approx(0.5, abs=0.05)
