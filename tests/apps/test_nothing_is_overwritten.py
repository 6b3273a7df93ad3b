"""No command, flag or second process overwrites a finished run."""

import shutil

import pytest

from apps.cats_dogs import APP
from kerasnorm.data import locks
from kerasnorm.training.commands.command_line import main
from kerasnorm.training.system import importing, paths
from tests import commands
from tests.apps.conftest import TINY
from tests.test_paths import PATHS, words_with
from tuning import search

# What a run leaves; nothing of it may be the output of a command.
FILES = (
    "settings.yaml",
    "environment.json",
    "history.csv",
    "report.json",
    "report.html",
    "curves.png",
    "model.keras",
    "rejected_files.csv",
)


def train(words):
    return main(APP, words)


@pytest.fixture(scope="module")
def place(finished_run, shapes, tmp_path_factory):
    """A copy of a finished run, and symlinks to it and to what holds it."""
    folder = tmp_path_factory.mktemp("place")
    run = folder / "runs" / "cats_dogs" / "first"
    shutil.copytree(finished_run, run)
    (folder / "linked").symlink_to(folder / "runs")
    (folder / "runs" / "cats_dogs" / "alias").symlink_to(run)
    (folder / "file.yaml").write_text(f"resume: {run}\nbatch_size: 7\n")
    (folder / "named.yaml").write_text(f"runs: {folder}/runs\nname: first\n")
    (folder / "data").symlink_to(shapes)
    return folder


def snapshot(run):
    return {
        path.relative_to(run): path.read_bytes()
        for path in run.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


RUN = "{place}/runs/cats_dogs/first"
NEW = ("--data", "{place}/data", *TINY)
ATTEMPTS = {
    "name": (train, (*NEW, "--runs", "{place}/runs", "--name", "first")),
    "linked runs": (train, (*NEW, "--runs", "{place}/linked", "--name", "first")),
    "linked name": (train, (*NEW, "--runs", "{place}/runs", "--name", "alias")),
    "runs with dots": (
        train,
        (*NEW, "--runs", "{place}/runs/x/..", "--name", "first"),
    ),
    "name in a file": (train, (*NEW, "--config", "{place}/named.yaml")),
    "resume in a file": (train, ("--config", "{place}/file.yaml")),
    "resume with others": (train, ("--resume", RUN, "--seed", "8")),
    "resume a link with others": (
        train,
        ("--resume", f"{RUN}/../alias", *NEW, "--norm", "frn"),
    ),
    "search": (search.main, ("--app", "cats_dogs", "--directory", RUN)),
    "search below": (search.main, ("--app", "cats_dogs", "--directory", f"{RUN}/new")),
    "search around": (
        search.main,
        ("--app", "cats_dogs", "--directory", "{place}/runs"),
    ),
    **{
        f"{command} --{flag} {name}": (
            commands.COMMANDS[command].main,
            words_with(command, flag, f"{RUN}/{name}"),
        )
        for command, flag, check in PATHS
        if check is paths.output
        for name in FILES
    },
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_no_command_touches_a_run(attempt, place, capsys, monkeypatch):
    command, words = ATTEMPTS[attempt]
    run = place / "runs" / "cats_dogs" / "first"
    before = snapshot(run)
    if "name" not in attempt and "runs" not in attempt:
        monkeypatch.setattr(importing, "import_keras", lambda *_: None)
    monkeypatch.chdir(place)
    assert command([word.format(place=place) for word in words]) in (1, 2)
    error = capsys.readouterr().err
    assert "Traceback" not in error and error.startswith("error: expected "), error
    assert " --" not in attempt or "leave alone what a run has written" in error
    assert snapshot(run) == before


@pytest.mark.parametrize("how", ["flag", "file", "link", "settings as --config"])
def test_a_run_that_trains_is_not_resumed(how, place, capsys, monkeypatch):
    monkeypatch.setattr(
        importing, "import_keras", lambda *_: pytest.fail("loads Keras")
    )
    run = place / "runs" / "cats_dogs" / "first"
    alone = place / "alone.yaml"
    alone.write_text(f"resume: {run}\nepochs: 9\n")
    words = {
        "flag": ["--resume", str(run)],
        "file": ["--config", str(alone)],
        "link": ["--resume", str(place / "linked" / "cats_dogs" / "alias")],
        "settings as --config": [
            *("--config", str(run / "settings.yaml")),
            *("--resume", str(run)),
        ],
    }[how]
    before = snapshot(run)
    with locks.take(run / ".lock"):
        assert train(words) == 1
    assert "which another process is training" in capsys.readouterr().err
    assert snapshot(run) == before


def test_a_run_without_its_checkpoint_does_not_begin_anew(place, tmp_path, capsys):
    run = tmp_path / "first"
    shutil.copytree(place / "runs" / "cats_dogs" / "first", run)
    shutil.rmtree(run / "checkpoint")
    before = snapshot(run)
    assert train(["--resume", str(run), "--epochs", "9"]) == 2
    assert "holds none any more" in capsys.readouterr().err
    assert snapshot(run) == before


@pytest.mark.thorough
def test_a_run_whose_checkpoint_is_damaged_keeps_its_report(place, tmp_path, capsys):
    run = tmp_path / "first"
    shutil.copytree(place / "runs" / "cats_dogs" / "first", run)
    for file in (run / "checkpoint").glob("*.npz"):
        file.write_bytes(b"damaged")
    before = snapshot(run)
    assert train(["--resume", str(run), "--epochs", "9"]) == 1
    assert "damaged" in capsys.readouterr().err
    assert snapshot(run) == before
