"""What a trained model leaves in its run directory."""

import json
import types

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from kerasnorm.data import DecodedImages
from kerasnorm.training.inputs.loading import Data
from kerasnorm.training.record.run_directory import RunDirectory
from kerasnorm.training.report import confusion, results
from kerasnorm.training.settings import Settings

NAN = float("nan")
HISTORY = [
    {"epoch": 1, "val_loss": 0.9, "images_per_second": 10.0},
    {"epoch": 2, "val_loss": 0.4, "images_per_second": 30.0},
    {"epoch": 3, "val_loss": NAN, "images_per_second": 20.0},
]
COUNTS = {"train": 4, "validation": 40, "test": 3}


def images_of(count, seed):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (count, 4, 4, 3), np.uint8)
    labels = np.arange(count) % 2
    return DecodedImages(pixels, labels, ("f.png",) * count, ("a", "b"))


def written(tmp_path, monkeypatch, parts, examination=None):
    """Write the results of a model that takes every image for the class `a`."""
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros"),
        ]
    )
    model.layers[-1].bias.assign([1.0, 0.0])
    data = Data(
        **{name: images_of(COUNTS[name], seed) for seed, name in enumerate(parts)},
        rejected=[("bad.png", "broken")],
    )
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    directory.write_settings(Settings(app="toy"))
    directory.write_json("environment.json", {})
    records = []
    monkeypatch.setattr(results, "write_report", lambda one, _: records.append(one))
    monkeypatch.setattr(results.run_diagnosis, "examine_run", lambda *_: examination)
    monkeypatch.setattr(results.run_diagnosis, "verdict_of", lambda found: found and 1)
    outcome = results.TrainingResult(HISTORY, "all was trained", 12.5)
    report = results.write_results(
        model, Settings(app="toy", batch_size=4), data, directory, outcome
    )
    return report, records[0], directory


def test_the_report_has_the_figures_of_the_model(tmp_path, monkeypatch):
    report, record, directory = written(tmp_path, monkeypatch, COUNTS)
    high, low = np.exp([1.0, 0.0]) / np.exp([1.0, 0.0]).sum()
    loss = -(np.log(high) + np.log(low)) / 2
    expected = {
        "train_loss": loss,
        "train_accuracy": 0.5,
        "validation_accuracy": 0.5,
        "test_accuracy": 2 / 3,
        "test_samples": 3,
        "train_samples": 4,
        "validation_samples": 40,
        "best_epoch": 2,
        "epochs": 3,
        "seconds": 12.5,
        "images_per_second": 20.0,
        "parameters": 4 * 4 * 3 * 2 + 2,
        "rejected_files": 1,
    }
    assert report["class_names"] == ["a", "b"]
    assert {name: report[name] for name in expected} == pytest.approx(expected)
    interval = confusion.wilson_interval(2 / 3, 3)
    assert report["test_accuracy_interval"] == pytest.approx(interval)
    saved = json.loads(directory.report_file.read_text())
    assert saved == json.loads(json.dumps(report))
    # All 20 images of the other class are mistakes, seen with the same probability.
    assert len(record.mistakes) == 20
    assert record.mistakes[0].probability == pytest.approx(high)
    assert (record.mistakes[0].true_class, record.mistakes[0].predicted_class) == (
        "b",
        "a",
    )
    assert record.confusion.tolist() == [[20, 0], [20, 0]]
    assert record.examination_html is None
    loaded = keras.saving.load_model(directory.model_file)
    assert loaded.count_params() == report["parameters"]
    names = {file.name for file in directory.path.iterdir()}
    assert names == {"environment.json", "model.keras", "report.json", "settings.yaml"}


def test_a_run_without_test_part_has_no_figures_of_it(tmp_path, monkeypatch):
    seen = []
    found = types.SimpleNamespace(
        to_html=lambda fragment: seen.append(fragment) or "the page"
    )
    parts = ("train", "validation")
    report, record, _ = written(tmp_path, monkeypatch, parts, found)
    assert not [name for name in report if name.startswith("test_")]
    assert report["examination"] == 1
    # A part of the run's own page.
    assert (record.examination_html, seen) == ("the page", [True])


def test_at_most_so_many_mistakes_are_shown(tmp_path, monkeypatch):
    monkeypatch.setitem(COUNTS, "validation", 60)
    _, record, _ = written(tmp_path, monkeypatch, ("train", "validation"))
    assert len(record.mistakes) == 24


@pytest.mark.parametrize(
    ("values", "best"),
    [([0.5, 0.3, 0.4], 2), ([NAN, NAN], None), ([NAN, 0.4], 2), ([], None)],
)
def test_the_best_epoch_is_that_of_the_smallest_finite_loss(values, best):
    rows = [{"epoch": n, "val_loss": value} for n, value in enumerate(values, 1)]
    assert results.best_epoch(rows) == best


@pytest.mark.parametrize(
    ("values", "expected"), [([3.0, 1.0, 2.0], 2.0), ([1.0, 2.0], 2.0), ([], 0.0)]
)
def test_the_median_of_a_column(values, expected):
    rows = [{"rate": value} for value in values]
    assert results.median([*rows, {"other": 9.0}], "rate") == expected
