"""A whole study at its smallest scale, killed on its way and given again."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from kerasnorm.studies.rows import read_rows

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.timeout(1800)
def test_a_killed_study_resumes_and_trains_nothing_twice(tmp_path):
    words = [sys.executable, "-m", "apps.from_scratch_study", "--runs", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    folder = tmp_path / "from_scratch_study" / "tiny"
    with subprocess.Popen(words, cwd=ROOT, env=environment) as study:
        try:
            wait_for(lambda: len(read_rows(folder / "results.csv")) >= 3)
            # In the midst of the next cell.
            wait_for(lambda: len(list((folder / "cells").glob("*/history.csv"))) >= 4)
        finally:
            study.kill()
    before = read_rows(folder / "results.csv")
    ended = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    rows = read_rows(folder / "results.csv")
    assert rows[: len(before)] == before
    # Six starts with two numbers of images, and the network that five begin with.
    assert len(rows) == 13
    assert ended.stdout.splitlines()[-1] == str(folder)
    assert {path.name for path in folder.iterdir()} == {
        "cells",
        "figure.png",
        "report.html",
        "results.csv",
    }
    # Frozen heads have one epoch, and it is what fine-tuning begins with.
    heads = {r["images"]: r for r in rows if r["start"] == "frozen head"}
    assert all(row["epochs"] == 1 for row in heads.values())
    for row in rows:
        if row["start"] == "frozen":
            assert row["head_accuracy"] == heads[row["images"]]["head_accuracy"]


def wait_for(is_true, seconds=900.0):
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.2)
