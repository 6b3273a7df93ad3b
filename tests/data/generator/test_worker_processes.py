"""Batches are the same in worker processes, forked or spawned, as without them."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from kerasnorm.data import ImageDataGenerator

SIZE = (9, 11)
# Keras' workers are forked where the system's default is to fork.
PROGRAM = """
import multiprocessing, pickle, sys
import keras, numpy as np
from tests.data.generator.test_worker_processes import iterators

multiprocessing.set_start_method("fork")
model = keras.Sequential([keras.Input((9, 11, 3)), keras.layers.Rescaling(1.0)])
batches = iterators(sys.argv[1])["directory"]
expected = np.concatenate([batches[i][0] for i in range(len(batches))])
batches.workers, batches.use_multiprocessing = 2, True
received = model.predict(batches, verbose=0)
np.testing.assert_allclose(received, expected, atol=1e-2)
print("all equal")
"""


def iterators(folder):
    """Return one iterator of each kind, with every transform."""
    generator = ImageDataGenerator(
        rotation_range=20, zoom_range=0.2, shear_range=5, horizontal_flip=True,
        width_shift_range=0.1, brightness_range=(0.5, 1.5), channel_shift_range=9,
        samplewise_center=True, cache="disk",
    )  # fmt: skip
    images = np.random.default_rng(0).integers(0, 256, (10, *SIZE, 3), np.uint8)
    files = {"target_size": SIZE, "batch_size": 4, "seed": 5, "class_mode": "sparse"}
    flow = generator.flow_from_directory(folder, **files)
    table = {"filename": flow.filenames, "class": [name[:3] for name in flow.filenames]}
    return {
        "arrays": generator.flow(images, np.arange(10), batch_size=4, seed=5),
        "directory": flow,
        "table": generator.flow_from_dataframe(table, folder, **files),
    }


@pytest.mark.thorough
def test_forked_workers_give_the_same_batches(class_folders):
    pytest.importorskip("tensorflow")
    if sys.platform == "win32":
        pytest.skip("Windows cannot fork")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(class_folders)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "all equal" in done.stdout, done.stderr[-2000:]


def again(batches):
    """Return an iterator as a process that was not forked receives it."""
    return pickle.loads(pickle.dumps(batches))


@pytest.mark.parametrize("through", [again, copy.deepcopy])
def test_copies_give_the_same_batches(class_folders, through):
    for batches in iterators(class_folders).values():
        next(batches)
        other = through(batches)
        for expected, received in zip(next(batches), next(other), strict=True):
            np.testing.assert_array_equal(received, expected)
