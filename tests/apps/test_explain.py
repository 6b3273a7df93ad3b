"""`predict --explain` and the report show what speaks for a class."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from apps.cats_dogs import APP
from kerasnorm.data import DecodedImages
from kerasnorm.inspection.grad_cam import grad_cam
from kerasnorm.pages.heat_map import overlay
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.report import explanations


def predict(capsys, *words):
    status = main(APP, ["predict", *map(str, words)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_each_image_lies_beside_what_speaks_for_its_label(
    finished_run, shapes, tmp_path, capsys
):
    folder = tmp_path / "why"
    given = (finished_run, shapes, "--json", "--explain", folder)
    status, out, err = predict(capsys, *given)
    assert status == 0
    assert "bad <b>.jpg" in err
    found = json.loads(out)
    assert len(found) == 80
    # 000.jpg to 039.jpg are there in both classes.
    assert {one["explanation"] for one in found} == {
        f"{folder}/{name}/{number:03}.jpg.jpg"
        for name in ("cat", "dog")
        for number in range(40)
    }
    assert sum(path.is_file() for path in folder.rglob("*")) == 80
    model = keras.saving.load_model(finished_run / "model.keras")
    for one in found[::20]:
        written = np.asarray(Image.open(one["explanation"]), "float32")
        assert written.shape == (32, 64, 3)
        image = np.asarray(Image.open(one["path"]).resize((32, 32)), "float32")
        # JPEG and another resampling lie between.
        assert np.abs(written[:, :32] - image).mean() < 20
        label = ("cat", "dog").index(one["label"])
        heat = grad_cam(model, written[None, :, :32], [label])[0]
        expected = overlay(written[:, :32].astype(np.uint8), heat).astype("float32")
        assert np.abs(written[:, 32:] - expected).mean() < 15


def test_mirror_images_are_explained_with_their_original():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    image = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
    both = np.concatenate([image, image[:, :, ::-1]])
    left, right = explanations.explain(model, both, np.ones(2, int), mirrored=True)
    assert np.abs(left.astype(int) - right[:, ::-1]).max() <= 1
    left, right = explanations.explain(model, both, np.ones(2, int), mirrored=False)
    assert np.abs(left.astype(int) - right[:, ::-1]).max() > 1


NAMES = {
    "one file twice": (("a/1.jpg", "a/1.jpg"), ("1.jpg.jpg", "1.jpg.2.jpg")),
    "one name in two folders": (
        ("x/a/1.jpg", "x/b/1.jpg"),
        ("a/1.jpg.jpg", "b/1.jpg.jpg"),
    ),
    "another ending": (("a/1.jpg", "a/1.png"), ("1.jpg.jpg", "1.png.jpg")),
    "another case": (("a/1.jpg", "a/1.JPG"), ("1.jpg.jpg", "1.JPG.2.jpg")),
    "below each other": (("a/1.jpg", "a/b/1.jpg"), ("1.jpg.jpg", "b/1.jpg.jpg")),
    "URLs": (
        ("memory://host/a/1.jpg?x=/y", "memory://host/b/1.jpg"),
        ("a/1.jpg.jpg", "b/1.jpg.jpg"),
    ),
    "the numbered name is taken": (
        ("a/1.jpg", "a/1.jpg.2", "a/1.jpg"),
        ("1.jpg.jpg", "1.jpg.2.jpg", "1.jpg.3.jpg"),
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_never_collide(name):
    given, expected = NAMES[name]
    assert tuple(explanations._names(given)) == expected


def test_only_some_images_are_in_memory_at_once(tmp_path, monkeypatch):
    read = []

    class Counting(DecodedImages):
        def read(self, positions):
            read.append(len(positions))
            return super().read(positions)

    def no_map(model, images, classes):
        return np.zeros((len(images), 2, 2), "float32")

    monkeypatch.setattr(explanations, "grad_cam", no_map)
    count = 100
    decoded = Counting(
        np.zeros((count, 4, 4, 3), np.uint8),
        np.zeros(count, int),
        [f"photos/{number}.jpg" for number in range(count)],
        ("a",),
    )
    files = explanations.write_explanations(
        None, decoded, np.zeros(count, int), tmp_path / "why", mirrored=False
    )
    assert len(files) == len(set(files)) == count
    assert sum(read) == count
    assert max(read) <= explanations.BATCH_SIZE


@pytest.mark.parametrize("place", ["full", "file", "in the run"])
def test_the_folder_has_to_be_new_or_empty(
    place, finished_run, shapes, tmp_path, capsys
):
    folder = tmp_path / "why"
    if place == "full":
        shutil.copytree(shapes / "dog", folder)
    elif place == "file":
        folder.write_text("notes")
    else:
        folder = finished_run / "why"
    file = shapes / "cat" / "000.jpg"
    status, _, err = predict(capsys, finished_run, file, "--explain", folder)
    assert status == 2
    assert err.startswith("error: expected --explain to ")
    assert place != "in the run" or not folder.exists()


def test_the_report_shows_right_and_wrong_images_with_their_maps(finished_run):
    page = (finished_run / "report.html").read_text(encoding="utf-8")
    images = re.findall(r'alt="What in it speaks for (\w+)"', page)
    said = re.findall(r'alt="(\w+) taken for (\w+):', page)
    assert images == [predicted for _, predicted in said]
    right = [true for true, predicted in said if true == predicted]
    assert 0 < len(right) <= 8
    # Right ones come last, the classes in turn where both have any.
    assert [true for true, _ in said[-len(right) :]] == right
    assert "Grad-CAM" in page
    report = json.loads((finished_run / "report.json").read_text())
    samples = report["validation_samples"]
    wrong = round(samples * (1 - report["validation_accuracy"]))
    assert len(said) - len(right) == min(wrong, 24)


def test_a_map_without_anything_leaves_the_image_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    plain = overlay(pixels, np.zeros((2, 3), "float32"))
    assert plain.shape == pixels.shape
    assert plain.dtype == np.uint8
    assert (plain == plain[..., :1]).all()
    broken = overlay(pixels, np.array([[np.nan, 0.0], [np.inf, 0.0]]))
    np.testing.assert_array_equal(broken, plain)


def test_the_strongest_region_is_the_most_coloured():
    pixels = np.full((40, 40, 3), 128, np.uint8)
    heat = np.zeros((4, 4), "float32")
    heat[3, 0] = 1e-6
    drawn = overlay(pixels, heat).astype(int)
    colour = drawn.max(-1) - drawn.min(-1)
    assert np.unravel_index(colour.argmax(), colour.shape)[0] >= 30
    assert np.unravel_index(colour.argmax(), colour.shape)[1] < 10
    assert colour[:20, 20:].max() == 0
