"""Files of unknown origin: what they hold is never run, and never written elsewhere."""

import io
import pathlib
import zipfile

import keras
import numpy as np
import pytest

from kerasnorm import command_line
from kerasnorm.training import Settings, UsageError
from kerasnorm.training.commands import inference
from kerasnorm.training.record import run_directory

DANGER = "!!python/object/apply:pathlib.Path.touch [danger]"


@pytest.fixture
def harmful(tmp_path, monkeypatch):
    """A model file whose Lambda makes a file when it is called."""
    monkeypatch.chdir(tmp_path)
    touch = keras.layers.Lambda(
        lambda x: (__import__("pathlib").Path("danger").touch(), x)[1]
    )
    keras.Sequential([keras.Input((3,)), touch]).save("harmful.keras")
    pathlib.Path("danger").unlink()
    return tmp_path


def test_a_lambda_is_refused_in_one_sentence(harmful):
    with pytest.raises(ValueError, match="without running code") as refused:
        inference.read_model("harmful.keras")
    assert "\n" not in str(refused.value)
    assert not (harmful / "danger").exists()


def test_the_lambda_would_have_done_harm(harmful):
    keras.saving.load_model("harmful.keras", safe_mode=False)
    assert (harmful / "danger").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["fold", "harmful.keras", "new.keras"],
        ["swap", "harmful.keras", "new.keras", "--to", "group"],
        ["doctor", "harmful.keras", "--train", "."],
    ],
)
def test_no_command_runs_it(harmful, capsys, words):
    assert command_line.main(words) == 1
    assert "without running code" in capsys.readouterr().err
    assert sorted(file.name for file in harmful.iterdir()) == ["harmful.keras"]


def test_an_archive_writes_nothing_beside_itself(tmp_path, monkeypatch):
    folder = tmp_path / "inside"
    folder.mkdir()
    monkeypatch.chdir(folder)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save("model.keras")
    with zipfile.ZipFile("model.keras", "a") as archive:
        archive.writestr("../escaped", "outside")
        archive.writestr("assets/../../escaped", "outside")
    inference.read_model("model.keras")
    assert [file.name for file in tmp_path.rglob("*")] == ["inside", "model.keras"]


def test_settings_of_a_run_are_data_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.yaml").write_text(f"name: {DANGER}\n")
    with pytest.raises(UsageError, match=r"settings\.yaml"):
        run_directory.open_run(tmp_path).read_settings()
    assert not (tmp_path / "danger").exists()


@pytest.mark.parametrize("field", ["name", "app"])
@pytest.mark.parametrize("value", ["../up", "/tmp/elsewhere", "a\\b", "..", "a\0b"])
def test_names_in_settings_cannot_leave_the_folder_of_runs(field, value):
    with pytest.raises(UsageError, match=f"--{field}"):
        Settings.from_dict({field: value}, where="settings.yaml")


def test_pickled_arrays_are_not_read(tmp_path):
    weights = io.BytesIO()
    np.save(weights, np.array([{"a": 1}], dtype=object))
    (tmp_path / "model.keras").write_bytes(weights.getvalue())
    with pytest.raises(ValueError, match="expected a Keras model"):
        inference.read_model(tmp_path / "model.keras")
