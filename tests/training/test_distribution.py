import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.training import distribution  # noqa: E402
from kerasnorm.training.errors import UsageError  # noqa: E402

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


@pytest.mark.thorough
def test_two_devices_train_and_resume_like_one(tmp_path):
    found = histories(tmp_path, "batch", 1, 2)
    np.testing.assert_allclose(found["2"], found["1"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["resumed"], found["2"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("count, sizes", [(12, [4, 4, 4]), (14, [4, 4, 4, 2])])
def test_validation_batches_are_shared_evenly(count, sizes):
    batches = tf.data.Dataset.range(count).map(lambda n: (n, n)).batch(4)
    shared = distribution.share_evenly(batches, 2)
    assert [len(x) for x, _ in shared] == sizes
    assert len(shared) == len(sizes)


def test_a_picture_too_few_for_all_devices_is_left_out():
    batches = tf.data.Dataset.range(13).map(lambda n: (n, n)).batch(4)
    assert [len(x) for x, _ in distribution.share_evenly(batches, 2)] == [4, 4, 4]


def test_fewer_pictures_than_devices_are_refused():
    batches = tf.data.Dataset.range(1).map(lambda n: (n, n)).batch(4)
    with pytest.raises(UsageError, match="each of 2 devices"):
        distribution.share_evenly(batches, 2)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["group", "sync_batch", "frn"])
def test_four_devices_train_and_resume_like_one(tmp_path, norm):
    found = histories(tmp_path, norm, 1, 4)
    np.testing.assert_allclose(found["4"], found["1"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(found["resumed"], found["4"], rtol=0, atol=1e-5)
