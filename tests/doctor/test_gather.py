import keras
import numpy as np
import pytest

from kerasnorm.doctor.sampling.sample_batches import sample_batches


def numbered(count, size=4):
    for i in range(count):
        yield np.full((size, 1), i, "float32"), np.full(size, i)


class IndexedBatch(keras.utils.PyDataset):
    def __init__(self, count):
        super().__init__()
        self.count, self.asked = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, number):
        self.asked.append(number)
        return np.full((4, 1), number, "float32"), np.full(4, number)


def kinds(samples):
    return sorted(set(samples.x[:, 0].astype(int).tolist()))


def test_a_generator_is_sampled_over_the_whole_epoch():
    found = kinds(sample_batches(numbered(100), 40))
    assert found[0] == 0 and found[-1] == 99 and max(np.diff(found)) <= 20


def test_a_list_is_sampled_over_the_whole_epoch():
    found = kinds(sample_batches(list(numbered(100)), 40))
    assert found[0] == 0 and found[-1] == 99 and len(found) == 10


def test_a_py_dataset_is_asked_only_for_the_batches_needed():
    source = IndexedBatch(50)
    sample_batches(source, 20)
    assert len(source.asked) <= 6


def test_the_size_of_the_last_batch_is_known():
    source = [*numbered(5), (np.zeros((1, 1), "float32"), np.zeros(1))]
    assert sample_batches(iter(source)).last_size == 1


@pytest.mark.parametrize("limit", [24, 32, 48, 64, 96])
def test_the_rest_of_an_epoch_is_never_the_batch_size(limit):
    x = np.zeros((100, 2), "float32")
    batches = [(x[i : i + 16], x[i : i + 16, :1]) for i in range(0, 100, 16)]
    assert sample_batches(batches, 100, seconds=60).head(limit).batch_size == 16


def test_an_endless_generator_ends():
    def endless():
        while True:
            yield np.zeros((4, 1)), np.zeros(4)

    samples = sample_batches(endless(), 40, seconds=0.2)
    assert samples.count <= 40 and samples.last_size is None


def test_whole_arrays_are_cut_into_batches():
    assert sample_batches((np.zeros((70, 3)), np.zeros(70))).sizes == (32, 32, 6)


def test_batches_of_another_form_are_left_out_with_a_note():
    source = [*numbered(3), (np.zeros((4, 2, 2), "float32"), np.zeros(4))]
    samples = sample_batches(source)
    assert samples.count == 12 and "1 of 4" in samples.notes[0]


def test_an_empty_source_says_what_to_do():
    with pytest.raises(ValueError, match="make a new one"):
        sample_batches(iter([]), name="validation")


def test_something_else_than_an_iterable_is_refused():
    with pytest.raises(TypeError, match="iterable of batches"):
        sample_batches(3)


def test_nested_inputs_stay_nested():
    samples = sample_batches(
        [({"a": np.zeros((2, 1)), "b": np.ones((2, 3))}, np.zeros(2))] * 3
    )
    assert samples.x["b"].shape == (6, 3)


def test_unlabelled_batches_have_no_labels():
    assert sample_batches([np.zeros((2, 3))] * 3).y is None


def test_tf_data_is_sampled():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.range(40).map(
        lambda i: (tf.fill((4, 1), i), tf.fill((4,), i))
    )
    found = kinds(sample_batches(data, 40))
    assert found[0] == 0 and found[-1] >= 35


def test_repeated_tf_data_ends():
    tf = pytest.importorskip("tensorflow")
    data = tf.data.Dataset.from_tensors((tf.zeros((4, 1)), tf.zeros(4))).repeat()
    assert sample_batches(data, 40).count <= 40


class Filed(list):
    """Batches that name their files, as the datasets of Keras do."""

    def __init__(self, labels, file_paths, size=4):
        x = np.arange(len(labels), dtype="float32")[:, None]
        y = np.array(labels)
        super().__init__(
            (x[i : i + size], y[i : i + size]) for i in range(0, len(y), size)
        )
        self.file_paths = file_paths


def filed(count):
    return [f"photos/{'ab'[i * 2 // count]}/{i}.jpg" for i in range(count)]


@pytest.mark.parametrize("limit", [100, 12])
def test_samples_know_their_number_and_their_file(limit):
    labels = [0] * 20 + [1] * 20
    found = sample_batches(Filed(labels, filed(40)), limit)
    numbers = found.x[:, 0].astype(int)
    np.testing.assert_array_equal(found.positions, numbers)
    assert found.files == tuple(filed(40)[number] for number in numbers)
    few = found.head(8).thinned(5)
    assert few.files == tuple(filed(40)[number] for number in few.positions)
    np.testing.assert_array_equal(few.x[:, 0], few.positions)


@pytest.mark.parametrize(
    ("labels", "files"),
    [([0, 1] * 20, filed(40)), ([0] * 20 + [1] * 20, filed(40)[:30]), ([0, 1], None)],
    ids=["shuffled", "too few", "none"],
)
def test_files_of_another_order_are_not_named(labels, files):
    assert sample_batches(Filed(labels, files), 100).files is None


def test_batches_that_are_slow_to_make_are_taken_evenly_until_there_is_no_time():
    source = IndexedBatch(100)
    found = sample_batches(source, 400, seconds=0)
    assert kinds(found) == [0, 99] and found.num_batches == 100
