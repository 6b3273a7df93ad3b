import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
ROOT = pathlib.Path(__file__).parents[2]


def histories(folder, norm, *counts):
    """Histories by number of virtual devices, and of an interrupted run."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.distributed_runs", folder, norm]
        + [str(count) for count in counts],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    return {
        name: [[float(value) for value in row.values()] for row in rows]
        for name, rows in found.items()
    }


def test_two_devices_train_and_resume_like_one(tmp_path):
    found = histories(tmp_path, "batch", 1, 2)
    np.testing.assert_allclose(found["2"], found["1"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["resumed"], found["2"], rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["group", "sync_batch", "frn"])
def test_four_devices_train_and_resume_like_one(tmp_path, norm):
    found = histories(tmp_path, norm, 1, 4)
    np.testing.assert_allclose(found["4"], found["1"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["resumed"], found["4"], rtol=0, atol=1e-5)
