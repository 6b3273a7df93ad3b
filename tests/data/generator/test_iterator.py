"""Order, position, epochs and random draws of the iterators."""

import collections

import keras
import numpy as np
import pytest

from kerasnorm.data import ImageDataGenerator
from tests.data.conftest import smooth_image
from tests.marks import thorough

IMAGES = np.stack([smooth_image(16, 16, seed=seed) for seed in range(10)])
LABELS = np.arange(10)
STRONG = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "zoom_range": 0.3,
    "horizontal_flip": True,
    "brightness_range": (0.5, 1.5),
    "channel_shift_range": 20,
}


def flow(options=None, **walk):
    walk = {"batch_size": 4, "seed": 7} | walk
    return ImageDataGenerator(**(options or STRONG)).flow(IMAGES, LABELS, **walk)


def by_sample(iterator, batches):
    """Return the image of every sample index of one epoch."""
    found = {}
    for images, labels in batches(iterator):
        found.update(zip(labels.tolist(), images, strict=True))
    return found


def one_epoch(iterator):
    return [iterator[index] for index in range(len(iterator))]


def same(first, second):
    return all(
        np.array_equal(mine, yours)
        for one, other in zip(first, second, strict=True)
        for mine, yours in zip(one, other, strict=True)
    )


def test_length_counts_the_last_smaller_batch():
    iterator = flow()
    assert len(iterator) == 3
    assert [len(images) for images, _ in one_epoch(iterator)] == [4, 4, 2]


def test_every_epoch_visits_every_sample_in_a_new_order():
    iterator = flow()
    orders = []
    for _ in range(3):
        orders.append(np.concatenate([labels for _, labels in one_epoch(iterator)]))
        iterator.on_epoch_end()
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_images_do_not_depend_on_the_order_of_reading():
    forwards, backwards = flow(), flow()
    expected = one_epoch(forwards)
    received = [backwards[index] for index in (2, 0, 1)]
    assert same(received, [expected[index] for index in (2, 0, 1)])


@pytest.mark.thorough
def test_images_do_not_depend_on_the_batch_size():
    small = by_sample(flow(batch_size=3), one_epoch)
    large = by_sample(flow(batch_size=10), one_epoch)
    for sample, image in small.items():
        np.testing.assert_array_equal(image, large[sample])


def test_images_differ_between_samples_epochs_and_seeds():
    images = np.repeat(IMAGES[:1], 4, axis=0)
    iterator = ImageDataGenerator(**STRONG).flow(images, batch_size=4, seed=7)
    other = ImageDataGenerator(**STRONG).flow(images, batch_size=4, seed=8)
    seen = [*iterator[0]]
    iterator.on_epoch_end()
    seen += [*iterator[0], *other[0]]
    assert len({image.tobytes() for image in seen}) == len(seen)


def test_equal_seeds_transform_images_and_masks_alike():
    masks = IMAGES[..., :1]
    options = {"rotation_range": 90, "zoom_range": 0.4}
    images = ImageDataGenerator(**options).flow(IMAGES[..., :1], seed=3)
    np.testing.assert_array_equal(
        next(images), next(ImageDataGenerator(**options).flow(masks, seed=3))
    )


def test_no_seed_draws_anew():
    first, second = flow(seed=None), flow(seed=None)
    assert not same(one_epoch(first), one_epoch(second))


def test_next_runs_on_across_epochs():
    iterator, reference = flow(), flow()
    received = [next(iterator) for _ in range(7)]
    expected = []
    for _ in range(3):
        expected += one_epoch(reference)
        reference.on_epoch_end()
    assert same(received, expected[:7])
    assert (iterator.batch_index, iterator.total_batches_seen) == (1, 7)


def test_reset_begins_the_epoch_again():
    iterator = flow()
    first = next(iterator)
    next(iterator)
    iterator.reset()
    assert same([next(iterator)], [first])


def test_seek_goes_on_as_if_never_stopped():
    whole, resumed = flow(), flow()
    expected = [next(whole) for _ in range(8)]
    resumed.seek(5)
    assert same([next(resumed) for _ in range(3)], expected[5:])


def test_index_beyond_the_end_raises():
    with pytest.raises(ValueError, match=r"from 0 to 2. Received: 3"):
        flow()[3]


def test_unshuffled_order_is_the_order_of_the_data():
    labels = np.concatenate([labels for _, labels in one_epoch(flow(shuffle=False))])
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8"])
def test_batches_have_the_asked_type(dtype):
    batch = next(ImageDataGenerator(dtype=dtype).flow(IMAGES, shuffle=False))
    assert batch.dtype == dtype
    np.testing.assert_array_equal(batch, IMAGES.astype(dtype))


def test_saved_images_are_the_batch(tmp_path):
    from PIL import Image

    options = {"save_to_dir": tmp_path, "save_prefix": "seen", "shuffle": False}
    images, _ = next(flow({"rescale": 1.0}, **options))
    files = sorted(tmp_path.glob("seen_*.png"))
    assert len(files) == 4
    saved = np.asarray(Image.open(files[2]), np.float32)
    expected = images[2] - images[2].min()
    np.testing.assert_allclose(saved, expected / expected.max() * 255, atol=1)


def test_the_order_asked_for_is_visible():
    iterator = flow()
    labels = np.concatenate([labels for _, labels in one_epoch(iterator)])
    np.testing.assert_array_equal(iterator.index_array, labels)


def as_batches(dataset):
    return [tuple(part.numpy() for part in batch) for batch in dataset]


def test_dataset_is_one_epoch_and_each_pass_the_next():
    dataset = flow().as_dataset()
    assert int(dataset.cardinality()) == 3
    reference = flow()
    for _ in range(2):
        assert same(as_batches(dataset), one_epoch(reference))
        reference.on_epoch_end()


def test_dataset_from_a_step_is_endless_and_exact():
    reference = flow()
    expected = [next(reference) for _ in range(8)]
    received = as_batches(flow().as_dataset(first_step=2).take(6))
    assert same(received, expected[2:])


def test_dataset_knows_its_shapes():
    images, labels = flow().as_dataset().element_spec
    assert images.shape.as_list() == [None, 16, 16, 3]
    assert labels.shape.as_list() == [None]


def small_model():
    model = keras.Sequential(
        [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    return model


def watched(first_epoch=0, **walk):
    """Return an iterator, and the batches that it gave in each of its epochs."""
    iterator = flow(**walk)
    iterator.epoch = first_epoch
    given = collections.defaultdict(collections.Counter)
    batch = iterator.batch

    def watch(epoch, index):
        given[epoch][index] += 1
        return batch(epoch, index)

    iterator.batch = watch
    return iterator, given


@pytest.mark.backends
@pytest.mark.parametrize("batch_size", [4, thorough(10)])
def test_fit_goes_through_the_epochs_one_by_one(batch_size):
    # Ten images: three batches, or one.
    iterator, given = watched(batch_size=batch_size)
    model = small_model()
    model.fit(iterator, epochs=3, verbose=0)
    assert iterator.epoch == 3
    # A compiled model is looked at again, a fitted one is not.
    for epochs in (2, 1):
        model.fit(iterator, epochs=epochs, verbose=0)
        model.compile("sgd", model.loss)
        model.fit(iterator, epochs=epochs, verbose=0)
    assert iterator.epoch == 9
    assert sorted(given) == list(range(9))
    assert all(set(batches) == set(range(len(iterator))) for batches in given.values())


@pytest.mark.backends
@pytest.mark.parametrize("batch_size", [4, 10])
def test_fit_resumes_at_the_epoch_it_is_told(batch_size):
    iterator, given = watched(first_epoch=2, batch_size=batch_size)
    small_model().fit(iterator, initial_epoch=2, epochs=4, verbose=0)
    assert sorted(given) == [2, 3]


@pytest.mark.backends
def test_evaluation_passes_over_the_data_once():
    iterator, given = watched(batch_size=10)
    small_model().evaluate(iterator, verbose=0)
    assert (iterator.epoch, list(given)) == (1, [0])


@pytest.mark.backends
def test_fit_evaluate_and_predict_take_iterators():
    model = small_model()
    options = {"rescale": 1 / 255}
    model.fit(flow(options), epochs=2, verbose=0)
    ordered = flow(options, shuffle=False)
    expected = model.evaluate(IMAGES / 255, LABELS, verbose=0)
    assert model.evaluate(ordered, verbose=0) == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(
        model.predict(flow(options, shuffle=False), verbose=0),
        model.predict(IMAGES / 255, verbose=0),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("steps", [2, 5])
def test_an_endless_dataset_takes_any_number_of_steps(steps):
    counts = []
    counter = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: counts.append(batch + 1)
    )
    small_model().fit(
        flow().as_dataset(first_step=0),
        steps_per_epoch=steps,
        epochs=3,
        verbose=0,
        callbacks=[counter],
    )
    assert counts == [*range(1, steps + 1)] * 3


@pytest.mark.backends
def test_fit_takes_files(class_folders):
    files = ImageDataGenerator(**STRONG).flow_from_directory(
        class_folders, (16, 16), class_mode="sparse", batch_size=6
    )
    history = small_model().fit(files, validation_data=files, epochs=2, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


def test_the_order_of_batches_can_be_taken_instead_of_them():
    taken, reference = flow(), flow()
    orders = [next(taken.index_generator) for _ in range(4)]
    for order in orders:
        _, labels = next(reference)
        np.testing.assert_array_equal(order, labels)
    assert same([next(taken)], [next(reference)])


def test_threads_share_the_batches_among_them():
    import concurrent.futures

    iterator, given = watched()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: next(iterator), range(12)))
    assert not iterator.lock.locked()
    assert {epoch: dict(batches) for epoch, batches in given.items()} == {
        epoch: dict.fromkeys(range(3), 1) for epoch in range(4)
    }
