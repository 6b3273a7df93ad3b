import json
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")
ROOT = pathlib.Path(__file__).parents[2]


def torture(*flags):
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.torture", "--json", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_killed_runs_end_like_an_unbroken_one():
    results = torture("--short")
    assert sum(result["kills"] for result in results) == 3
    assert [result["differences"] for result in results] == [[]]


@pytest.mark.slow
def test_nothing_is_lost_at_twenty_random_moments():
    results = torture()
    assert results[-1]["scenario"] == "random moments"
    assert results[-1]["kills"] == 20
    assert [result["differences"] for result in results] == [[]] * len(results)


@pytest.mark.thorough
def test_state_of_every_kind_survives_sigkill():
    # Scalar weights, the fault that was seen; `make torture` runs every row.
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.torture_rows", "norm none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "norm none: equal" in done.stdout
    assert "1 rows, 4 kills, 0 rows" in done.stdout
