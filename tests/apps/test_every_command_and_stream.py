"""Every command as a process whose standard streams are closed, full or left."""

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from tests import commands
from tests.apps.conftest import TINY

pytestmark = pytest.mark.slow
STREAMS = {
    "closed": ("<&- >&- 2>&-", 0),
    "full": (">/dev/full 2>/dev/full", 1),
    "left": ("2>&1 | head -1", 0),
    "narrow": ("", 0),
}
SEARCH = ("--trials", "1", "--workers", "1", "--app", "cats_dogs")
# What these print is only a word on the files they write.
KEEP_FILES = ("train", "search", "swap", "fold", "recalibrate", "shard", "run")
SCRIPT = """
import pathlib, keras, numpy as np
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(np.zeros((8, 2)), np.zeros((8, 1)), verbose=0)
pathlib.Path("done.txt").touch()
"""
# A command, and the files it leaves with every kind of stream.
COMMANDS = {
    "train": (
        ("apps.cats_dogs", "--data", "data", "--runs", "runs", "--name", "new", *TINY),
        ("runs/cats_dogs/new/report.json", "runs/cats_dogs/new/model.keras"),
    ),
    "evaluate": (("apps.cats_dogs", "evaluate", "run"), ()),
    "predict": (("apps.cats_dogs", "predict", "run", "data/cat"), ()),
    "search": (
        ("tuning.search", *SEARCH, "--directory", "search", "--data", "data", *TINY),
        ("search/search.json",),
    ),
    "doctor": (("kerasnorm", "doctor", "run", "--html", "page.html"), ("page.html",)),
    "scan": (
        ("kerasnorm", "scan", "data", "--quarantine", "bad.txt", "--html", "s.html"),
        ("bad.txt", "s.html"),
    ),
    "suspects": (
        ("kerasnorm", "scan", "data", "--suspect-labels", "s.csv"),
        ("s.csv",),
    ),
    "results": (("tuning.results", "searched"), ()),
    "lint": (("kerasnorm", "lint", "train.py"), ()),
    "run": (("kerasnorm", "run", "--output", "pages", "train.py"), ("done.txt",)),
    "cache": (("kerasnorm", "cache"), ()),
    "shard": (("kerasnorm", "shard", "data", "out/x"), ("out/x-00000.tar",)),
    "swap": (
        ("kerasnorm", "swap", "run/model.keras", "new.keras", "--to", "group"),
        ("new.keras",),
    ),
    "fold": (("kerasnorm", "fold", "run/model.keras", "new.keras"), ("new.keras",)),
    "recalibrate": (
        ("kerasnorm", "recalibrate", "run/model.keras", "new.keras", "--data", "data"),
        ("new.keras",),
    ),
    "help": (("kerasnorm", "--help"), ()),
    "config": (("apps.cats_dogs", "--print_config"), ()),
}


@pytest.fixture(scope="module")
def finished_search(shapes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    words = [*SEARCH, "--directory", str(folder / "s"), "--data", str(shapes), *TINY]
    subprocess.run([sys.executable, "-m", "tuning.search", *words], check=True)
    return folder / "s"


def test_the_table_holds_every_command():
    assert set(commands.COMMANDS) <= set(COMMANDS)


@pytest.mark.parametrize("streams", STREAMS)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_work_is_done(
    command, streams, finished_run, finished_search, shapes, tmp_path
):
    words, files = COMMANDS[command]
    redirection, status = STREAMS[streams]
    if streams == "full" and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    shutil.copytree(finished_run, tmp_path / "run")
    (tmp_path / "data").symlink_to(shapes)
    (tmp_path / "searched").symlink_to(finished_search)
    (tmp_path / "train.py").write_text(SCRIPT)
    line = f"{shlex.join([sys.executable, '-m', *words])} {redirection}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "20", "PYTHONPATH": os.getcwd()},
    )
    expected = 0 if command in KEEP_FILES else status
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for file in files:
        assert (tmp_path / file).exists()
        if file.endswith(".json"):
            json.loads((tmp_path / file).read_text())
    if streams == "narrow":
        assert "\u2026" not in done.stdout
