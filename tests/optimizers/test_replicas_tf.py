import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")


def differences(*names):
    """Weights of two replicas against those of one device, largest difference."""
    finished = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "tests.optimizers.replicas_script",
            *names,
        ],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.thorough
def test_two_replicas_train_like_one_device():
    found = differences("nested", "sam and batch norm")
    assert max(found.values()) < 1e-5, found


@pytest.mark.slow
def test_two_replicas_train_like_one_device_with_every_optimizer():
    found = differences("plain", "ranger21", "sam", "loss scaling")
    assert max(found.values()) < 1e-5, found
