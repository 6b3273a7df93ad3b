"""Commands that take a folder of images say in one line what they took for what."""

import shutil

import keras
import pytest

from kerasnorm import command_line
from kerasnorm.doctor import Examination, command
from tests.apps.conftest import draw_folder
from tests.commands import _app

COMMANDS = {
    "evaluate": lambda run, model, out, data: ["evaluate", run, "--data", data],
    "predict": lambda run, model, out, data: ["predict", run, data],
    "doctor": lambda run, model, out, data: ["doctor", model, "--train", data],
    "recalibrate": lambda run, model, out, data: [
        *("recalibrate", model, out, "--data", data, "--force")
    ],
    "swap": lambda run, model, out, data: [
        *("swap", model, out, "--to", "none", "--data", data)
    ],
    "scan": lambda run, model, out, data: ["scan", data],
    "scan_json": lambda run, model, out, data: ["scan", data, "--json"],
}
OF_AN_APP = ("evaluate", "predict")
LAYOUTS = ("classes", "parts")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(4, 3, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile("sgd", "categorical_crossentropy")
    file = tmp_path_factory.mktemp("model") / "model.keras"
    model.save(file)
    return file


@pytest.mark.thorough
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", COMMANDS)
def test_one_line_says_what_was_taken(
    name, layout, finished_run, model, tmp_path, capsys, monkeypatch
):
    # What is found out about the images is another test's business.
    monkeypatch.setattr(command, "examine", lambda *a, **o: Examination((), None, {}))
    data = tmp_path / "images"
    for part in ("train", "validation") if layout == "parts" else (".",):
        draw_folder(data / part, 16)
    words = COMMANDS[name](finished_run, model, tmp_path / "new.keras", data)
    main = _app() if name in OF_AN_APP else command_line.main
    assert main([str(word) for word in words]) == 0
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if str(data) in line]
    assert len(lines) == 1 and lines[0].startswith(f"{data}: ")
    parts = ["train/", "validation/"] if layout == "parts" else []
    assert name == "predict" or all(part in lines[0] for part in parts)
    assert any(word in lines[0] for word in ("files taken", "images", "classes"))


@pytest.mark.thorough
def test_a_run_without_its_split_says_a_way_that_works(
    finished_run, shapes, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(command, "examine", lambda *a, **o: Examination((), None, {}))
    run = str(shutil.copytree(finished_run, tmp_path / "run"))
    (tmp_path / "run" / "split.csv").unlink()
    draw_folder(tmp_path / "other", 16)
    other = str(tmp_path / "other")
    for main, words in (
        (_app(), ["evaluate", run]),
        (_app(), ["evaluate", run, "--data", str(shapes)]),
        (command_line.main, ["doctor", run]),
        (command_line.main, ["doctor", run, "--train", other]),
    ):
        assert main(words) == 1
        said = capsys.readouterr().err
        assert "Give images of another folder (evaluate with --data DIR" in said
        assert f"train again (--config {run}/settings.yaml)" in said
    assert _app()(["evaluate", run, "--data", other]) == 0
    both = ["--train", other, "--validation", other]
    assert command_line.main(["doctor", run, *both]) == 0
    again = ["--config", f"{run}/settings.yaml", "--print-config"]
    assert _app()(again) == 0
