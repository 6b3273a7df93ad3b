"""An image that changes in mid-training ends the run in one sentence; it resumes."""

import csv
import os
import shutil

import pytest

from apps.cats_dogs import APP
from kerasnorm.data import ImageIndex
from kerasnorm.training.commands.command_line import main
from tests.apps.conftest import TINY


def train(folder, *words):
    return main(APP, ["--data", str(folder / "data"), "--runs", str(folder), *words])


def history(folder, name):
    with open(folder / "cats_dogs" / name / "history.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [(row["loss"], row["val_loss"], row["val_accuracy"]) for row in rows]


@pytest.mark.thorough
@pytest.mark.parametrize(
    "how", ["changed", pytest.param("gone", marks=pytest.mark.slow)]
)
def test_a_run_whose_image_changes_says_so_and_continues(
    shapes, tmp_path, monkeypatch, capsys, how
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(shapes, tmp_path / "data")
    assert train(tmp_path, "--name", "whole", "--cache", "disk", *TINY) == 0
    file = tmp_path / "data" / "cat" / "003.jpg"
    aside = shutil.copy2(file, tmp_path)
    decode, seen = ImageIndex.decode, []

    def change(index, position, *size, **limits):
        seen.append(position)
        # After the files have been looked at, and in the first epoch.
        if len(seen) == 150 and how == "changed":
            file.write_bytes((file.parent / "004.jpg").read_bytes())
        elif len(seen) == 150:
            file.unlink()
        return decode(index, position, *size, **limits)

    monkeypatch.setattr(ImageIndex, "decode", change)
    capsys.readouterr()
    assert train(tmp_path, "--name", "new", "--cache", "none", *TINY) == 1
    said = capsys.readouterr().err.splitlines()
    run = tmp_path / "cats_dogs" / "new"
    problem = "has changed" if how == "changed" else "is gone"
    assert said[-1] == (
        f"error: Expected {file} as it was when its run began, but it {problem}. Put "
        f"it back, then continue with python -m apps.cats_dogs --resume {run}, or "
        "begin a new run."
    )
    file.unlink(missing_ok=True)
    os.rename(aside, file)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main(APP, ["--resume", str(run), "--cache", "memory"]) == 0
    assert history(tmp_path, "new") == history(tmp_path, "whole")
