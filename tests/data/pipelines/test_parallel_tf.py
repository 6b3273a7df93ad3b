"""Batches come in order, and no dataset of ours searches for its own settings."""

import time

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import tensorflow as tf

from kerasnorm.data import DecodedImages, ImageDataGenerator
from kerasnorm.data.augment.augment_tf import compiled
from kerasnorm.data.pipelines import batches_tf
from kerasnorm.data.pipelines.parallel_tf import map_in_parallel, without_autotune
from kerasnorm.data.pipelines.resolution_tf import with_growing_images


@pytest.fixture(autouse=True)
def options_as_tensorflow_makes_them(monkeypatch):
    monkeypatch.setattr(tf.data, "Options", type(tf.data.Options()))


@pytest.fixture(scope="module")
def decoded():
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    return DecodedImages(images, np.arange(8) % 2, ("",) * 8, ("a", "b"))


def test_slow_batches_do_not_change_the_order():
    def slow_at_first(number):
        time.sleep(0.05 if number < 4 else 0)
        return number

    numbers = map_in_parallel(
        tf.data.Dataset.range(12),
        lambda number: tf.numpy_function(slow_at_first, [number], tf.int64),
        threads=4,
    )
    assert list(numbers.as_numpy_iterator()) == list(range(12))


def test_functions_of_a_pipeline_run_as_they_are_written():
    """AutoGraph would make a branch of the graph, after a second of rewriting."""

    def branch(number):
        return number if number > 2 else -number

    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        map_in_parallel(tf.data.Dataset.range(4), branch)
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        compiled(branch)(tf.constant(1))


def test_no_dataset_of_ours_is_searched(decoded):
    training = batches_tf.training_batches(decoded, 4)
    flow = ImageDataGenerator().flow(decoded.images, decoded.labels, batch_size=4)
    datasets = [
        training,
        with_growing_images(training, lambda step: 8),
        batches_tf.evaluation_batches(decoded, 4),
        flow.as_dataset(),
    ]
    assert [data.options().autotune.enabled for data in datasets] == [False] * 4


def test_what_is_built_upon_it_is_not_searched_either(decoded):
    data = without_autotune(tf.data.Dataset.range(4)).map(lambda number: number + 1)
    assert data.options().autotune.enabled is False
