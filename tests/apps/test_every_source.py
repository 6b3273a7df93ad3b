"""Every kind of source, from training over a resumed run to every later command."""

import json
import pathlib
import shutil

import pytest

pytest.importorskip("tensorflow")

from apps.cats_dogs import APP
from kerasnorm import command_line
from kerasnorm.training.commands.command_line import main
from tests.data.sources.kinds import MAKERS, make_folder

TINY = [
    *("--image-size", "16", "--batch-size", "8", "--width", "8", "--stages", "2"),
    *("--no-examine", "--no-preflight", "--validation-fraction", "0.3"),
]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("images"), counts=(12, 12, 12))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "folds", [[], ["--folds", "3", "--fold", "1"]], ids=["", "fold"]
)
@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "tar_folder"])
def test_a_source_trains_resumes_and_serves_every_command(
    kind, folds, images, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = MAKERS[kind](images, tmp_path / "made")
    words = ["--data", spec, "--runs", str(tmp_path / "runs"), *TINY, *folds]
    assert main(APP, [*words, "--epochs", "2", "--name", "whole"]) == 0
    assert main(APP, [*words, "--epochs", "1", "--name", "cut"]) == 0
    whole, cut = (tmp_path / "runs" / "cats_dogs" / name for name in ("whole", "cut"))
    assert (whole / "split.csv").read_bytes() == (cut / "split.csv").read_bytes()
    monkeypatch.chdir("/")
    assert main(APP, ["--resume", str(cut), "--epochs", "2"]) == 0
    assert (whole / "split.csv").read_bytes() == (cut / "split.csv").read_bytes()
    assert len((cut / "history.csv").read_text().splitlines()) == 3
    capsys.readouterr()
    for data in ([], ["--data", spec]):
        assert main(APP, ["evaluate", str(whole), "--json", *data]) == 0
        found = json.loads(capsys.readouterr().out)
        report = json.loads((whole / "report.json").read_text())
        assert found["loss"] == pytest.approx(report["validation_loss"], rel=1e-3)
    model, new = str(whole / "model.keras"), str(tmp_path / "new.keras")
    assert command_line.main(["recalibrate", model, new, "--force"]) == 0
    assert pathlib.Path(new).exists()
    assert command_line.main(["scan", spec, "--json"]) == 0
    if kind == "folder":
        return
    made = tmp_path / "made"
    shutil.move(made, tmp_path / "away")
    assert main(APP, ["evaluate", str(whole)]) in (1, 2)
    shutil.move(tmp_path / "away", made)
    assert main(APP, ["evaluate", str(whole)]) == 0
