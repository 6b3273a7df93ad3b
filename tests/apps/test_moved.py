"""Data and runs that are named from other folders, by links, or after a move."""

import os
import shutil

import pytest

from apps.cats_dogs import APP
from kerasnorm.training import Settings
from kerasnorm.training.commands.command_line import main
from tests.apps.conftest import TINY, draw_folder

ODD = "[red] it's a \u732b"


def test_data_and_weights_mean_the_same_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ODD).mkdir()
    (tmp_path / "link").symlink_to(ODD)
    (tmp_path / "w.h5").touch()
    monkeypatch.chdir(tmp_path / ODD)
    for data in (".", f"../{ODD}", f"~/{ODD}", "~/link", str(tmp_path / "link")):
        settings = Settings(data=data, model="keras:MobileNetV2", weights="../w.h5")
        full = settings.with_full_paths()
        assert full.data == str(tmp_path / ODD)
        assert full.weights == str(tmp_path / "w.h5")


@pytest.mark.thorough
def test_a_run_goes_on_from_another_folder_after_a_move(tmp_path, monkeypatch, capsys):
    draw_folder(tmp_path / ODD, 10)
    monkeypatch.chdir(tmp_path)
    flags = [*TINY, "--batch-size", "4", "--epochs", "1", "--no-preflight"]
    assert (
        main(APP, ["--data", ODD, "--runs", f"runs {ODD}", "--name", ODD, *flags]) == 0
    )
    run = capsys.readouterr().out.splitlines()[-1]
    assert run == os.path.join(f"runs {ODD}", "cats_dogs", ODD)
    (tmp_path / "elsewhere").mkdir()
    shutil.move(run, tmp_path / "elsewhere" / "moved")
    (tmp_path / "elsewhere" / "link").symlink_to("moved")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(APP, ["--resume", "link", "--epochs", "2"]) == 0
    shown = capsys.readouterr().out
    assert "resumes at" in shown and "cats_dogs: moved" in shown
    assert f"--logdir {os.path.join('link', 'tensorboard')}\n" in shown
    assert main(APP, ["evaluate", "moved", "--json"]) == 0
