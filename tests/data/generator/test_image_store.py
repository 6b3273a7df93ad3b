"""Files are decoded in threads of the batch, or of the dataset, never in both."""

import threading
import time

import numpy as np
import pytest

from kerasnorm.data import ImageDataGenerator

SIZE = (9, 11)


def reading_threads(flow, read, monkeypatch):
    """Return the threads in which files were decoded while `read` ran."""
    threads = set()
    decode = flow._store.decode

    def watched(path):
        # Long enough for another thread to take the next file.
        time.sleep(0.01)
        threads.add(threading.get_ident())
        return decode(path)

    monkeypatch.setattr(flow._store, "decode", watched)
    read()
    return threads


def test_files_of_a_batch_are_read_side_by_side(class_folders, monkeypatch):
    module = "kerasnorm.data.generator.image_store.workers_or"
    monkeypatch.setattr(module, lambda threads: threads or 3)
    flow = ImageDataGenerator(cache="none").flow_from_directory(
        class_folders, target_size=SIZE, batch_size=16
    )
    assert len(reading_threads(flow, lambda: flow[0], monkeypatch)) == 3


def test_a_dataset_has_no_threads_within_its_threads(class_folders, monkeypatch):
    pytest.importorskip("tensorflow")
    flow = ImageDataGenerator(cache="none").flow_from_directory(
        class_folders, target_size=SIZE, batch_size=16
    )
    dataset = flow.as_dataset()
    module = "kerasnorm.data.generator.image_store.workers_or"
    monkeypatch.setattr(module, lambda threads: threads or 3)
    # One batch, hence one thread of the dataset.
    assert len(reading_threads(flow, lambda: list(dataset), monkeypatch)) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_batches_do_not_depend_on_threads(class_folders, threads):
    flow, other = (
        ImageDataGenerator(rotation_range=20).flow_from_directory(
            class_folders, target_size=SIZE, batch_size=5, seed=3
        )
        for _ in range(2)
    )
    for mine, expected in zip(
        flow.batch(2, 1, threads), other.batch(2, 1), strict=True
    ):
        np.testing.assert_array_equal(mine, expected)
