"""What a wheel installs: one package, with the apps and searches inside it."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

from tests.apps.conftest import draw_folder

ROOT = pathlib.Path(__file__).resolve().parents[1]
TINY = (
    *("--preset", "drawn", "--data", "data", "--image-size", "16", "--epochs", "1"),
    *("--batch-size", "8", "--width", "4", "--stages", "1", "--no-preflight"),
    "--no-examine",
)

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = ("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    subprocess.run([sys.executable, "-m", "pip", "-q", *words], check=True)
    return next(folder.glob("kerasnorm-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Return a function that runs Python where only the wheel is installed."""
    site = tmp_path_factory.mktemp("site")
    # As pip does, without the packages that are needed: those of the tests serve.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "TF_CPP_MIN_LOG_LEVEL": "3"}
    folder = tmp_path_factory.mktemp("user")
    draw_folder(folder / "data", 12)

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        ended = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    run.folder = folder
    return run


def test_the_wheel_takes_one_name_only(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"kerasnorm"}
    for folder in ("kerasnorm", "apps", "tuning"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                inside = file.relative_to(ROOT).as_posix()
                if folder != "kerasnorm":
                    inside = f"kerasnorm/{inside}"
                assert inside in names


@pytest.mark.parametrize(
    "words",
    [
        ("kerasnorm", "train"),
        ("kerasnorm", "train", "cats_dogs"),
        ("kerasnorm", "search"),
        ("kerasnorm", "results"),
        ("kerasnorm", "evaluate"),
        ("kerasnorm", "predict"),
        ("kerasnorm.apps.cats_dogs",),
        ("kerasnorm.tuning.search",),
    ],
    ids=" ".join,
)
def test_help_names_commands_that_work_here(installed, words):
    shown = installed("-m", *words, "--help")
    assert "-m apps." not in shown
    assert "-m tuning." not in shown


def test_a_run_of_any_classes_is_trained_measured_and_used(installed):
    shown = installed("-m", "kerasnorm", "train", *TINY)
    run = shown.splitlines()[-1]
    assert pathlib.PurePath(run).parts[:2] == ("runs", "image_folder")
    measured = json.loads(installed("-m", "kerasnorm", "evaluate", run, "--json"))
    report = json.loads((installed.folder / run / "report.json").read_text())
    assert measured["loss"] == pytest.approx(report["validation_loss"], rel=1e-4)
    found = json.loads(
        installed("-m", "kerasnorm", "predict", run, "data/cat", "--json")
    )
    assert len(found) == 12
    environment = json.loads((installed.folder / run / "environment.json").read_text())
    assert environment["command"].startswith("python -m kerasnorm.apps.image_folder ")


def test_a_search_starts_its_processes(installed):
    words = ("--app", "image_folder", "--algorithm", "random", "--trials", "1")
    shown = installed(
        *("-m", "kerasnorm", "search", *words, "--workers", "1"),
        *("--directory", "search", *TINY[:-2]),
    )
    assert "python -m kerasnorm.tuning.results" in shown
    content = json.loads((installed.folder / "search" / "search.json").read_text())
    assert content["status"] == "completed"
    printed = installed("-m", "kerasnorm", "results", "search")
    assert "python -m kerasnorm.apps.image_folder --config" in printed
