"""`kerasnorm run`: a watched script does what it does alone, bit for bit."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

from tests.watch import all_kinds

SCRIPT = pathlib.Path(__file__).with_name("all_kinds.py")
KINDS = all_kinds.kinds()


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
    flags = ("--seconds", 2, "--fits", 40)
    return python(folder, "-m", "kerasnorm", "run", *flags, script, *words)


def sections(text):
    return dict(
        (part.split("\n", 1)[0], part) for part in text.split("kind ") if part.strip()
    )


def said(ended):
    return [line for line in ended.stderr.splitlines() if "kerasnorm:" in line]


# One test: the script trains with every kind, twice, which takes minutes.
@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_watched_script_does_what_it_does_alone_and_every_fit_has_a_page(tmp_path):
    alone, watched = python(tmp_path, SCRIPT), run(tmp_path, SCRIPT)
    assert (alone.returncode, watched.returncode) == (0, 0), watched.stderr[-2000:]
    expected, received = sections(alone.stdout), sections(watched.stdout)
    assert list(expected) == list(KINDS)
    assert all("weights" in section for section in expected.values())
    differing = [kind for kind in KINDS if received.get(kind) != expected[kind]]
    assert not differing
    lines = said(watched)
    numbers = [re.match(r"kerasnorm: fit (\d+):", line)[1] for line in lines]
    fits = sum(1 + (fit in all_kinds.TWICE) for fit, _ in KINDS.values())
    assert numbers == [str(number + 1) for number in range(fits)]
    pages = list(tmp_path.glob("kerasnorm_run/all_kinds/*/fit_*/doctor.html"))
    assert len(pages) == fits == sum("doctor.html" in line for line in lines)
    assert "Traceback" not in watched.stderr


FAILING = {
    "fails": (
        "import keras\nraise RuntimeError('own mistake')\n",
        1,
        "no `fit` had begun",
    ),
    "leaves": ("import sys\nprint('seen')\nsys.exit(7)\n", 7, "no `fit` ran"),
    "says": ("import sys\nsys.exit('because')\n", 1, "no `fit` ran"),
    "is quiet": ("print(__file__, __name__, __doc__)\n", 0, "no `fit` ran"),
    "is Python 2": ("print 'a'\n", 1, "which is Python 2"),
    "is no Python": ("Dear all,\nsee below\n", 1, "it is none"),
    "is binary": ("\x89PNG\0\0", 1, "which holds binary data"),
    "is half": ("def f(:\n", 1, "line 1"),
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
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
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
    if name == "is binary":
        # Python words it in another way when it reads a file by itself.
        return
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
