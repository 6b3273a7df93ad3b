"""`kerasnorm run`: a watched script does what it does alone, bit for bit."""

import functools
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

from tests.watch.all_kinds import KINDS

SCRIPT = pathlib.Path(__file__).with_name("all_kinds.py")
NEEDS = {"tf_data": "tensorflow"}


def python(folder, *words):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(SCRIPT.parents[2]),
            "KERAS_BACKEND": keras.backend.backend(),
        },
        capture_output=True,
        text=True,
    )


def run(folder, script, *words):
    return python(folder, "-m", "kerasnorm", "run", "--seconds", 2, script, *words)


@functools.cache
def both(folder, kinds):
    return python(folder, SCRIPT, *kinds), run(folder, SCRIPT, *kinds)


def sections(text):
    return dict(
        (part.split("\n", 1)[0], part) for part in text.split("kind ") if part.strip()
    )


def said(ended):
    return [line for line in ended.stderr.splitlines() if "kerasnorm:" in line]


def compare(folder, kinds, kind):
    alone, watched = both(folder, kinds)
    assert (alone.returncode, watched.returncode) == (0, 0), watched.stderr[-2000:]
    assert sections(watched.stdout)[kind] == sections(alone.stdout)[kind]
    assert "weights" in sections(alone.stdout)[kind]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_output_weights_and_random_state_are_those_of_the_script_alone(folder, kind):
    if kind in NEEDS:
        pytest.importorskip(NEEDS[kind])
    kinds = tuple(k for k in KINDS if k not in NEEDS or is_installed(NEEDS[k]))
    compare(folder, kinds, kind)
    lines = said(both(folder, kinds)[1])
    # One line for every `fit`, and a page.
    numbers = [re.match(r"kerasnorm: fit (\d+):", line)[1] for line in lines]
    assert numbers == [str(number + 1) for number in range(len(lines))]
    # All fit twice but two.
    assert len(lines) == 2 * len(kinds) - 2
    pages = list(folder.glob("kerasnorm_run/all_kinds/*/fit_*/doctor.html"))
    assert sum("doctor.html" in line for line in lines) == len(pages)
    assert len(pages) == len(lines)
    assert "Traceback" not in both(folder, kinds)[1].stderr


def is_installed(module):
    return importlib.util.find_spec(module) is not None


FAILING = {
    "fails": (
        "import keras\nraise RuntimeError('own mistake')\n",
        1,
        "no `fit` had begun",
    ),
    "leaves": ("import sys\nprint('seen')\nsys.exit(7)\n", 7, "no `fit` ran"),
    "says": ("import sys\nsys.exit('because')\n", 1, "no `fit` ran"),
    "is quiet": ("print(__file__, __name__, __doc__)\n", 0, "no `fit` ran"),
    "is no Python": ("print 'a'\n", 1, "SyntaxError; no `fit` had begun"),
    "looks around": (
        "import sys, helper\nprint(sys.argv, sys.path[0], helper.NAME)\n",
        0,
        "no `fit` ran",
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", FAILING)
def test_a_script_ends_as_it_does_alone_and_one_line_is_added(name, tmp_path):
    text, status, expected = FAILING[name]
    (tmp_path / "script.py").write_text(text)
    (tmp_path / "helper.py").write_text("NAME = 'helper'\n")
    words = ("script.py", "--epochs", "3", "-x")
    alone, watched = python(tmp_path, *words), run(tmp_path, *words)
    assert watched.returncode == alone.returncode == status
    assert watched.stdout == alone.stdout
    [line] = said(watched)
    assert expected in line
    rest = [text for text in watched.stderr.splitlines() if text != line]
    ours = [text for text in rest if "kerasnorm" in text]
    assert ours == []
    # Both begin with TensorFlow's own messages, which carry times.
    assert [r for r in rest if "Error" in r or "File" in r] == [
        r for r in alone.stderr.splitlines() if "Error" in r or "File" in r
    ]


def test_a_missing_script_is_wrong_usage(tmp_path, capsys, monkeypatch):
    from kerasnorm import command_line

    monkeypatch.chdir(tmp_path)
    assert command_line.main(["run", "missing.py", "--epochs", "3"]) == 2
    assert command_line.main(["run"]) == 2
    (tmp_path / "folder.py").mkdir()
    assert command_line.main(["run", "folder.py"]) == 1
    (tmp_path / "book.ipynb").write_text('{"cells": []}')
    assert command_line.main(["run", "book.ipynb"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 4
    assert "%load_ext" in said
