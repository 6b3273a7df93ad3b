import csv
import json
import os
import shlex
import subprocess
import sys

import keras
import numpy as np
import pytest
import yaml

from apps.cats_dogs import APP
from kerasnorm.norm_kinds import NORM_KINDS
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.settings import Settings
from tests.apps.conftest import TINY, draw_folder
from tests.marks import thorough


def call(capsys, *words):
    """Run the app's command line; return exit status, stdout and stderr."""
    capsys.readouterr()
    status = main(APP, [str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_run_directory_holds_what_the_contract_names(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    assert {
        "settings.yaml",
        "environment.json",
        "history.csv",
        "report.json",
        "report.html",
        "curves.png",
        "model.keras",
        "rejected_files.csv",
        "split.csv",
        "tensorboard",
    } <= names
    assert not [name for name in names if name.endswith(".tmp")]
    assert list((finished_run / "tensorboard" / "train").iterdir())
    assert list((finished_run / "tensorboard" / "validation").iterdir())


def test_report_json_has_the_figures(finished_run):
    report = json.loads((finished_run / "report.json").read_text())
    assert report["epochs"] == 2
    assert report["best_epoch"] in (1, 2)
    parts = ("train", "validation", "test")
    assert sum(report[f"{part}_samples"] for part in parts) == 80
    low, high = report["test_accuracy_interval"]
    assert 0 <= low <= report["test_accuracy"] <= high <= 1
    assert report["parameters"] > 1000
    for name in (
        "train_loss",
        "validation_loss",
        "test_loss",
        "seconds",
        "images_per_second",
    ):
        assert report[name] > 0
    assert 0 <= report["validation_accuracy"] <= 1
    assert "2 epochs" in report["stopped_because"]


def test_the_best_epoch_of_the_history_is_what_was_restored(finished_run):
    report = json.loads((finished_run / "report.json").read_text())
    with (finished_run / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert int(best["epoch"]) == report["best_epoch"]
    assert float(best["val_loss"]) == pytest.approx(report["validation_loss"], rel=1e-4)
    assert float(best["val_accuracy"]) == pytest.approx(report["validation_accuracy"])


def test_settings_and_environment_tell_what_was_run(finished_run):
    settings = yaml.safe_load((finished_run / "settings.yaml").read_text())
    assert Settings.from_dict(settings).seed == 3
    environment = json.loads((finished_run / "environment.json").read_text())
    assert environment["versions"]["keras"] == keras.__version__
    program, *words = shlex.split(environment["command"])
    assert (program, *words[:2]) == ("python", "-m", "apps.cats_dogs")
    assert words[-len(TINY) :] == TINY


def test_the_report_compares_with_the_same_command_without_flags(finished_run):
    usual = yaml.safe_load((finished_run / "defaults.yaml").read_text())
    settings = yaml.safe_load((finished_run / "settings.yaml").read_text())
    differ = {name for name in settings if settings[name] != usual[name]}
    flags = {word[2:].replace("-", "_") for word in TINY if word.startswith("--")}
    # The preset of the photos has this MixUp, too.
    flags = flags - {"no_examine", "mixup"} | {"examine"}
    assert differ == {"data", "runs", "test_fraction"} | flags
    page = (finished_run / "report.html").read_text()
    assert f"{len(differ)} differ from the default" in page


def test_rejected_files_are_listed_with_a_reason(finished_run):
    with (finished_run / "rejected_files.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["path"].endswith("bad <b>.jpg")
    assert row["reason"]


def test_the_page_escapes_what_comes_from_file_names(finished_run):
    page = (finished_run / "report.html").read_text()
    assert "bad <b>.jpg" not in page
    assert "bad &lt;b&gt;.jpg" in page


def test_evaluate_repeats_the_report(finished_run, capsys):
    status, out, _ = call(capsys, "evaluate", finished_run, "--json")
    report = json.loads((finished_run / "report.json").read_text())
    result = json.loads(out)
    assert status == 0
    assert result["samples"] == report["validation_samples"]
    assert result["loss"] == pytest.approx(report["validation_loss"], rel=1e-5)
    assert result["accuracy"] == report["validation_accuracy"]


@pytest.mark.thorough
def test_evaluate_takes_other_images(finished_run, tmp_path, capsys):
    draw_folder(tmp_path / "plain", 3)
    draw_folder(tmp_path / "split" / "train", 2)
    draw_folder(tmp_path / "split" / "validation", 4)
    for name, samples in (("plain", 6), ("split", 8)):
        status, out, _ = call(
            capsys, "evaluate", finished_run, "--data", tmp_path / name
        )
        assert status == 0
        assert json.loads(out)["samples"] == samples


def test_evaluate_refuses_other_classes(finished_run, tmp_path, capsys):
    draw_folder(tmp_path, 2, classes=("horse", "zebra"))
    status, out, err = call(capsys, "evaluate", finished_run, "--data", tmp_path)
    assert (status, out) == (1, "")
    assert "cat, dog" in err and "horse, zebra" in err


@pytest.mark.thorough
def test_predict_agrees_with_the_saved_model(finished_run, shapes, capsys):
    from kerasnorm.data.images.decode import decode_image

    file = shapes / "dog" / "001.jpg"
    status, out, _ = call(capsys, "predict", finished_run, file, "--json")
    (found,) = json.loads(out)
    model = keras.saving.load_model(finished_run / "model.keras", compile=False)
    image = decode_image(str(file), (32, 32)).astype("float32")
    # Op by op bfloat16 is rounded otherwise than in a graph.
    chances = model.predict(image[None], verbose=0)[0]
    assert status == 0
    assert found["path"] == str(file)
    assert found["label"] == ("cat", "dog")[int(chances.argmax())]
    assert found["probability"] == pytest.approx(float(chances.max()), abs=1e-5)


def test_predict_takes_folders_and_names_what_it_left_out(
    finished_run, shapes, tmp_path, capsys
):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a b.jpg").write_bytes(
        (shapes / "cat" / "000.jpg").read_bytes()
    )
    (tmp_path / "notes.txt").write_text("no image")
    status, out, err = call(capsys, "predict", finished_run, tmp_path)
    path, label, probability = out.strip().split("\t")
    assert status == 0
    assert path.endswith("a b.jpg")
    assert label in ("cat", "dog")
    assert 0.5 <= float(probability) <= 1
    assert "notes.txt" in err


@pytest.mark.thorough
def test_a_run_works_after_it_was_moved(finished_run, shapes, tmp_path, capsys):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("settings.yaml", "report.json", "model.keras"):
        (moved / name).write_bytes((finished_run / name).read_bytes())
    status, _, _ = call(capsys, "predict", moved, shapes / "cat" / "001.jpg")
    assert status == 0


@pytest.mark.thorough
def test_the_same_seed_gives_the_same_history_bit_for_bit(
    finished_run, shapes, tmp_path, capsys
):
    status, out, _ = call(
        capsys, "--data", shapes, "--runs", tmp_path, "--quiet", *TINY,
        "--test-fraction", "0.1",
    )  # fmt: skip
    assert status == 0
    assert out.count("\n") == 1
    again = out.strip()

    def without_time(folder):
        with open(os.path.join(folder, "history.csv")) as stream:
            return [
                {
                    k: v
                    for k, v in row.items()
                    if k not in ("seconds", "images_per_second")
                }
                for row in csv.DictReader(stream)
            ]

    assert without_time(again) == without_time(finished_run)


@pytest.mark.thorough
def test_a_run_can_be_repeated_from_its_settings(finished_run, tmp_path, capsys):
    status, out, _ = call(
        capsys, "--config", finished_run / "settings.yaml", "--runs", tmp_path,
        "--epochs", "1", "--quiet",
    )  # fmt: skip
    assert status == 0
    settings = yaml.safe_load(open(os.path.join(out.strip(), "settings.yaml")).read())
    assert settings["image_size"] == 32


def test_an_existing_run_is_not_overwritten(finished_run, shapes, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in finished_run.iterdir()}
    status, _, err = call(
        capsys, "--data", shapes, "--runs", finished_run.parents[1],
        "--name", "first", *TINY,
    )  # fmt: skip
    after = {path.name: path.stat().st_mtime_ns for path in finished_run.iterdir()}
    assert status == 1
    assert "exists" in err and "--resume" in err
    assert before == after


@pytest.mark.parametrize(
    "norm",
    [
        thorough("frn"),
        thorough("none"),
        *(
            pytest.param(norm, marks=pytest.mark.slow)
            for norm in NORM_KINDS
            if norm not in ("batch", "frn", "none")
        ),
    ],
)
def test_every_norm_trains(norm, shapes, tmp_path, capsys):
    status, out, err = call(
        capsys, "--data", shapes, "--runs", tmp_path, "--norm", norm, "--quiet",
        *TINY, "--epochs", "1",
    )  # fmt: skip
    assert status == 0, err
    report = json.loads(open(os.path.join(out.strip(), "report.json")).read())
    assert np.isfinite(report["train_loss"])


def one_sentence(err):
    lines = [line for line in err.splitlines() if line.strip()]
    return len(lines) == 1 and lines[0].startswith("error: ") and len(lines[0]) < 500


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--norm", "foo"], 2, "batch, sync_batch"),
        (["--image-sise", "64"], 2, "--image-size"),
        (["--image-size", "0"], 2, "--image-size 16 to 1024, received 0"),
        (["--data", "{tmp}/missing"], 2, "missing"),
        (["--data", "{tmp}/empty"], 1, "no sub-folders"),
        (["--data", "{tmp}/one"], 1, "cat"),
        (["--data", "{tmp}/bad"], 1, "image"),
        (["--data", "{tmp}/few", "--batch-size", "64"], 1, "--batch-size"),
        (["--data", "{tmp}/few", "--model", "lenet"], 2, "convnet"),
        (["--resume", "{tmp}/few"], 2, "run directory"),
        (["evaluate", "{tmp}/few"], 2, "run directory"),
        (["evaluate"], 2, "run_directory"),
        (["predict", "{tmp}/few"], 2, "paths"),
    ],
)
def test_bad_input_is_one_sentence(words, status, message, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    draw_folder(tmp_path / "one", 3, classes=("cat",))
    draw_folder(tmp_path / "few", 5)
    for name in ("cat", "dog"):
        (tmp_path / "bad" / name).mkdir(parents=True)
        for number in range(3):
            (tmp_path / "bad" / name / f"{number}.jpg").write_bytes(b"\xff\xd8 no")
    words = [word.format(tmp=tmp_path) for word in words]
    if words[0].startswith("--"):
        words += ["--runs", str(tmp_path / "runs")]
    found, out, err = call(capsys, *words)
    assert (found, out) == (status, ""), err
    assert one_sentence(err), err
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "runs").exists()


def test_debug_shows_the_traceback(tmp_path, capsys):
    status, _, err = call(capsys, "--data", tmp_path / "missing", "--debug")
    assert status == 2
    assert "Traceback" in err


@pytest.mark.thorough
def test_a_process_says_nothing_but_the_run_directory(shapes, tmp_path):
    command = [sys.executable, "-m", "apps.cats_dogs", "--data", str(shapes)]
    found = subprocess.run(
        [*command, "--runs", str(tmp_path), "--quiet", *TINY, "--epochs", "1"],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert found.stderr == ""
    assert (tmp_path / "cats_dogs") in [type(tmp_path)(found.stdout.strip()).parent]
