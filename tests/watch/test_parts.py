"""What keeps a watched run apart from the script: copies, states, generators."""

import random

import keras
import numpy as np
import pytest

from kerasnorm.watch.given import read_arguments
from kerasnorm.watch.sources import ArrayBatches, Recorder, state_kept
from kerasnorm.watch.unchanged import unchanged


def test_every_random_state_and_name_is_as_before():
    own = np.random.default_rng(0)
    seeds = keras.random.SeedGenerator(1)

    def draw():
        return [
            random.random(),
            np.random.rand(),
            own.random(),
            keras.ops.convert_to_numpy(keras.random.normal((2,), seed=seeds)).tolist(),
            keras.ops.convert_to_numpy(keras.random.normal((2,))).tolist(),
            keras.layers.Dense(1).name,
        ]

    draw()
    with unchanged():
        inside = draw()
    after = draw()
    assert after == inside
    assert draw() != after


def test_what_is_printed_inside_goes_to_standard_error(capsys):
    with unchanged():
        print("ours")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "ours\n")


def test_a_copied_data_set_shuffles_apart_from_the_first():
    tf = pytest.importorskip("tensorflow")
    from kerasnorm.watch import datasets_tf

    def made():
        data = tf.data.Dataset.range(20)
        return data.shuffle(20, seed=3).map(lambda x: x + 1).batch(20)

    def epochs(data, count=3):
        return [[b.numpy().tolist() for b in data] for _ in range(count)]

    first, second = made(), made()
    copied, reason = datasets_tf.copied(second)
    assert reason == ""
    assert epochs(copied) == epochs(first)
    assert epochs(second) == epochs(made())


def test_data_sets_that_must_not_be_read_again_are_refused_with_the_reason(tmp_path):
    tf = pytest.importorskip("tensorflow")
    from kerasnorm.watch import datasets_tf

    numbers = iter(range(3))
    spec = tf.TensorSpec((), tf.int32)
    once = tf.data.Dataset.from_generator(lambda: numbers, output_signature=spec)
    cached = tf.data.Dataset.range(3).cache(str(tmp_path / "cache"))
    for data, word in ((once, "generator"), (cached, "caches in a file")):
        copied, reason = datasets_tf.copied(data)
        assert copied is None and word in reason
    assert next(numbers) == 0
    assert list(tmp_path.iterdir()) == []


def test_arrays_come_shuffled_in_batches_of_fit():
    x, y = np.arange(10), np.repeat([0, 1], 5)
    batches = ArrayBatches((x, y), 4, shuffled=True)
    taken = [batches[number] for number in range(len(batches))]
    assert [len(x) for x, _ in taken] == [4, 4, 2]
    together = np.concatenate([x for x, _ in taken])
    assert sorted(together) == list(range(10)) and list(together) != list(range(10))
    assert all((y == (x >= 5)).all() for x, y in taken)


def test_a_generator_is_recorded_and_never_asked_for_more():
    asked = []

    def batches():
        for number in range(5):
            asked.append(number)
            yield np.full((2, 1), number), np.zeros(2)

    recorder = Recorder(batches())
    passing = recorder.generator()
    next(passing), next(passing)
    assert asked == [0, 1]
    assert [int(x[0, 0]) for x, _ in recorder.kept] == [0, 1]


def test_validation_split_divides_as_keras_does():
    x, y = np.arange(10.0), np.arange(10)
    given = read_arguments(
        {"x": x, "y": y, "validation_split": 0.25, "class_weight": {9: 3.0, 0: 2.0}}
    )
    train = np.concatenate([b[0] for b in map(given.train.batches.__getitem__, [0])])
    [validation] = [given.validation.batches[0]]
    assert sorted(train) == list(range(7)) and list(validation[0]) == [7, 8, 9]
    x, _, weights = given.train.batches[0]
    assert weights[list(x).index(0)] == 2.0 and weights.sum() == 8.0


def test_the_state_of_a_data_set_of_python_is_as_before():
    class Counting(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.seen, self.order = 0, [1, 2]

        def __getitem__(self, number):
            self.seen += 1
            self.order.reverse()
            self.new = True

    data = Counting()
    with state_kept(data):
        data[0]
    assert (data.seen, data.order, hasattr(data, "new")) == (0, [1, 2], False)
