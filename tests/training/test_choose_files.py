"""Commands on a model take the images of its run, or those of a folder."""

import json
import shutil

import pytest

pytest.importorskip("keras")

from kerasnorm.data import DataError
from kerasnorm.training.commands.inference import choose_files, run_of
from kerasnorm.training.settings.errors import UsageError
from tests.training.test_run_files import DIVISIONS, draw, trained


@pytest.fixture(params=["plain", "fold"])
def run(request, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw(tmp_path / "data", count=12)
    return trained(tmp_path, **DIVISIONS[request.param])


@pytest.mark.parametrize("use", ["train", "validation"])
def test_a_run_has_its_own_images(run, use, tmp_path):
    settings, directory, files = run
    copied = str(shutil.copytree(settings.data, tmp_path / "copied"))
    for model in (directory.path, directory.path / "model.keras"):
        found = run_of(model)
        assert found == directory
        # Its own folder as a whole would mix what it has seen with what it has not.
        for data in (None, settings.data, copied):
            index, notes = choose_files(found, data, use)
            assert index.names == files.parts[use].names
            assert (data or settings.data) in notes[0]


def test_another_folder_is_taken_as_it_is(run, tmp_path):
    _, directory, _ = run
    # Names alone do not make it the run's own.
    draw(tmp_path / "other!", count=3)
    for use, found in (("train", directory), ("validation", None)):
        index, notes = choose_files(found, str(tmp_path / "other!"), use)
        assert len(index) == 6
        assert "6 files taken" in notes[0]


def test_a_model_of_no_run_needs_a_folder(tmp_path):
    (tmp_path / "settings.yaml").write_text(json.dumps({}))
    assert run_of(tmp_path / "model.keras") is None
    with pytest.raises(UsageError, match="expected --data DIR"):
        choose_files(None, None, "train")


def test_only_the_part_that_is_used_has_to_be_unchanged(run, tmp_path):
    _, directory, files = run
    with open(files.parts["validation"].paths[0], "r+b") as file:
        file.write(b"\0")
    assert len(choose_files(directory, None, "train")[0])
    with pytest.raises(DataError, match=r"1 validation image .* has changed"):
        choose_files(directory, None, "validation")
    index, _ = choose_files(directory, None, "validation", accept_changes=True)
    assert index.paths == files.parts["validation"].paths
