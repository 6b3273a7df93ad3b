import json
import math

import numpy as np
import pytest

from kerasnorm.training.record import run_directory
from kerasnorm.training.settings import Settings
from kerasnorm.training.system import atomic_files


def settings_in(tmp_path, **changes):
    return Settings(app="toy", runs=str(tmp_path / "runs"), **changes)


def test_a_run_lies_below_its_app(tmp_path):
    made = run_directory.create(settings_in(tmp_path, name="one"))
    assert made.path == tmp_path / "runs" / "toy" / "one"


def test_an_existing_run_is_never_overwritten(tmp_path):
    settings = settings_in(tmp_path, name="one")
    made = run_directory.create(settings)
    (made.path / "precious").write_text("data")
    with pytest.raises(ValueError, match=r"exists; give another --name.*--resume"):
        run_directory.create(settings)
    assert (made.path / "precious").read_text() == "data"


def test_a_run_is_trained_by_one_process_at_a_time(tmp_path):
    made = run_directory.create(settings_in(tmp_path))
    with made.alone(), pytest.raises(ValueError, match="another process is training"):
        with made.alone():
            pass
    with made.alone():
        pass


def test_runs_without_a_name_get_one_each(tmp_path):
    settings = settings_in(tmp_path)
    paths = {run_directory.create(settings).path for _ in range(3)}
    assert len(paths) == 3


@pytest.mark.parametrize("place", ["runs", "runs/toy", "runs/toy/one"])
def test_a_file_in_the_way_is_named(tmp_path, place):
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("not a folder")
    with pytest.raises(ValueError, match="expected to make the folder"):
        run_directory.create(settings_in(tmp_path, name="one"))


def test_settings_come_back(tmp_path):
    settings = settings_in(tmp_path, name="one", norm="frn", data="photos ü")
    made = run_directory.create(settings)
    made.write_settings(settings)
    assert run_directory.open_run(made.path).read_settings() == settings.replace(
        name=None
    )


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="expected a run directory"):
        run_directory.open_run(tmp_path / name)


def test_history_comes_back_with_its_columns_in_order(tmp_path):
    directory = run_directory.RunDirectory(tmp_path)
    rows = [
        {"epoch": 1, "val_loss": 0.5, "loss": 0.1 + 0.2, "zeta": 1.0},
        {"epoch": 2, "val_loss": math.nan, "loss": 1e-20},
    ]
    directory.write_history(rows)
    header = (tmp_path / "history.csv").read_text().splitlines()[0]
    assert header == "epoch,loss,val_loss,zeta"
    again = directory.read_history()
    assert again[0] == rows[0]
    assert math.isnan(again[1]["val_loss"])


def test_json_knows_no_nan(tmp_path):
    run_directory.RunDirectory(tmp_path).write_json(
        "a.json", {"x": math.nan, "y": [np.float32(0.5), (math.inf, np.arange(2))]}
    )
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "x": None,
        "y": [0.5, [None, [0, 1]]],
    }


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "report.json"
    atomic_files.write_text(file, "old")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(run_directory.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        atomic_files.write_text(file, "new")
    assert file.read_text() == "old"


@pytest.mark.parametrize("there", [[], ["report.json"], ["model.keras"]])
def test_an_unfinished_run_says_how_to_finish_it(tmp_path, there):
    for name in there:
        (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match="finish it with --resume"):
        run_directory.RunDirectory(tmp_path).read_report()


def test_a_finished_run_has_its_figures(tmp_path):
    (tmp_path / "report.json").write_text('{"epochs": 3}')
    (tmp_path / "model.keras").write_text("")
    assert run_directory.RunDirectory(tmp_path).read_report() == {"epochs": 3}


def test_json_is_indented_by_two_and_keeps_letters():
    assert atomic_files.json_text({"ü": [1]}) == '{\n  "ü": [\n    1\n  ]\n}\n'
