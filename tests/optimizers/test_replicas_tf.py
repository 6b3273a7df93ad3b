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
    assert max(differences("nested").values()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["plain", "ranger21", "sam", "loss scaling", "noisy sam"]
)
def test_two_replicas_train_like_one_device_with(name):
    found = differences(name)
    # Statistics and dropout masks are those of each replica's half of the batch.
    limit = 0.5 if name == "noisy sam" else 1e-5
    assert found[name] < limit
