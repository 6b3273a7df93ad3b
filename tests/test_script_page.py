"""What docs/script.md shows is what the commands print."""

import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

from kerasnorm import command_line

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = "docs/examples/plain_script.py"
PAGE = (ROOT / "docs" / "script.md").read_text(encoding="utf-8")


def shown(begin):
    """Return the lines of the block that begins with some words, without indent."""
    block = next(b for b in PAGE.split("\n\n") if b.startswith(f"    {begin}"))
    return [line[4:] for line in block.rstrip().split("\n")]


def test_the_page_shows_what_lint_prints(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command_line.main(["lint", SCRIPT]) == 0
    assert capsys.readouterr().out.splitlines() == shown(SCRIPT)


def masked(text):
    """Return a text without what differs by machine: numbers, breaks of lines."""
    text = re.sub(r"\S+doctor.html", "PAGE", " ".join(text.split()))
    return re.sub(r"-?\d+(\.\d+)?", "0", text)


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_the_page_shows_what_run_prints(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("the page shows the run of one backend")
    ended = subprocess.run(
        [sys.executable, "-m", "kerasnorm", "run", str(ROOT / SCRIPT)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    block = "\n".join(shown("Epoch 1/6"))
    place = block.index("kerasnorm:")
    said = [text for text in ended.stderr.splitlines() if "kerasnorm:" in text]
    assert masked(ended.stdout) == masked(block[:place])
    assert masked("\n".join(said)) == masked(block[place:])
