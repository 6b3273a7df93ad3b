"""Batches are pure functions of their number; evaluation sees the images as is."""

import dataclasses

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data import (  # noqa: E402
    Augmentation,
    DataError,
    DecodedImages,
    decode_image,
    evaluation_batches,
    index_directory,
    load_images,
    training_batches,
)
from tests.data.conftest import smooth_image  # noqa: E402

SIZE = (16, 20)
STRONG = Augmentation(
    rotation_range=30,
    width_shift_range=0.2,
    height_shift_range=0.2,
    shear_range=10,
    zoom_range=0.2,
    horizontal_flip=True,
    brightness_range=(0.7, 1.3),
    contrast_range=(0.7, 1.3),
    saturation_range=(0.5, 1.5),
    channel_shift_range=10,
)


@pytest.fixture(scope="module")
def decoded():
    images = np.stack([smooth_image(*SIZE, seed=seed) for seed in range(23)])
    labels = np.arange(23) % 3
    paths = tuple(f"{number}.jpg" for number in range(23))
    return DecodedImages(images, labels, paths, ("a", "b", "c"))


def on_disk(decoded, tmp_path):
    images = np.memmap(tmp_path / "images", np.uint8, "w+", shape=decoded.images.shape)
    images[:] = decoded.images
    return DecodedImages(images, decoded.labels, decoded.paths, decoded.class_names)


def take(dataset, count):
    return [tuple(part.numpy() for part in batch) for batch in dataset.take(count)]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        for mine, yours in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, yours)


def numbers_of(images, decoded):
    """Return which images unchanged ones are."""
    known = {image.tobytes(): number for number, image in enumerate(decoded.images)}
    return [known[image.astype(np.uint8).tobytes()] for image in images]


def test_every_epoch_is_a_fresh_permutation_without_the_remainder(decoded):
    batches = take(training_batches(decoded, 5, seed=1), 12)
    epochs = [
        [number for images, _ in batches[start : start + 4]
         for number in numbers_of(images, decoded)]
        for start in (0, 4, 8)
    ]  # fmt: skip
    assert all(len(set(epoch)) == 20 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len(set().union(*epochs)) == 23


def test_labels_belong_to_their_images(decoded):
    for images, labels in take(training_batches(decoded, 5, seed=1), 4):
        expected = decoded.labels[numbers_of(images, decoded)]
        np.testing.assert_array_equal(labels, np.eye(3)[expected])
        assert labels.dtype == images.dtype == np.float32


@pytest.mark.parametrize("first_step", [1, 3, 9])
def test_resumed_batches_equal_uninterrupted_ones(decoded, first_step):
    options = {"mixup": 0.2, "cutmix": 1.0, "label_smoothing": 0.1}
    whole = take(training_batches(decoded, 5, STRONG, 7, **options), 12)
    resumed = training_batches(decoded, 5, STRONG, 7, first_step=first_step, **options)
    assert_same(take(resumed, 12 - first_step), whole[first_step:])


def test_batches_do_not_depend_on_threads(decoded):
    dataset = training_batches(decoded, 5, STRONG, seed=7)
    expected = take(dataset, 9)
    for threads in (1, 5):
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        options.autotune.enabled = False
        assert_same(take(dataset.with_options(options), 9), expected)


def test_images_from_disk_equal_those_from_memory(decoded, tmp_path):
    stored = on_disk(decoded, tmp_path)
    for make in (
        lambda which: training_batches(which, 5, STRONG, seed=7),
        lambda which: evaluation_batches(which, 5),
    ):
        assert_same(take(make(stored), 4), take(make(decoded), 4))


def test_seeds_differ(decoded):
    first, second = (
        take(training_batches(decoded, 5, STRONG, seed), 1)[0][0] for seed in (1, 2)
    )
    assert np.any(first != second)


def test_augmented_images_stay_in_range_and_vary(decoded):
    images, _ = take(training_batches(decoded, 23, STRONG, seed=7), 1)[0]
    plain, _ = take(training_batches(decoded, 23, seed=7), 1)[0]
    assert images.min() >= 0
    assert images.max() <= 255
    changes = np.abs(images - plain).mean(axis=(1, 2, 3))
    assert np.all(changes > 1)


def test_augmentation_is_the_generators_transform(decoded):
    from kerasnorm.data import ImageDataGenerator
    from kerasnorm.data.augment import stateless_random
    from kerasnorm.data.augment.transforms import affine_matrices, draw_warps

    augmentation = Augmentation(rotation_range=50, horizontal_flip=True)
    images, _ = take(training_batches(decoded, 6, augmentation, seed=7), 1)[0]
    samples = stateless_random.epoch_order(7, 0, 23)[:6]
    generator = ImageDataGenerator()
    for image, sample in zip(images, samples, strict=True):
        fraction, coin = (
            stateless_random.uniform(7, 0, sample, stream)
            for stream in (stateless_random.ROTATION, stateless_random.HORIZONTAL_FLIP)
        )
        amounts = {"theta": 50 * (2 * fraction - 1), "flip_horizontal": coin < 0.5}
        np.testing.assert_allclose(
            draw_warps(augmentation, 7, 0, samples[:1] * 0 + sample, SIZE),
            affine_matrices(SIZE, **amounts),
        )
        expected = generator.apply_transform(
            decoded.images[sample].astype(np.float32), amounts
        )
        np.testing.assert_allclose(image, expected, atol=0.05)


def test_batches_may_be_smaller_than_the_stored_images():
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None] * 5, (40, 40))
    images = np.broadcast_to(ramp[None, :, :, None], (8, 40, 40, 3))
    labels = np.arange(8) % 2
    stored = DecodedImages(np.ascontiguousarray(images), labels, ("",) * 8, ("a", "b"))
    whole, _ = next(iter(training_batches(stored, 4, output_size=(20, 10))))
    assert whole.shape == (4, 20, 10, 3)
    # The middle between two stored rows, all the way down.
    np.testing.assert_allclose(whole[0, :, 0, 0], np.arange(20) * 10 + 2.5, atol=1e-3)
    augmentation = Augmentation(crop_area=0.25)
    parts, _ = next(
        iter(training_batches(stored, 4, augmentation, output_size=(20, 20)))
    )
    steps = np.diff(parts[:, :, 0, 0].numpy(), axis=1)
    # Fewer stored rows to each row than the two of the whole image.
    assert (steps > 0).all() and (steps < 10 + 1e-3).all() and steps.min() < 8


def test_label_smoothing_spreads_its_share(decoded):
    _, labels = take(training_batches(decoded, 5, label_smoothing=0.3), 1)[0]
    np.testing.assert_allclose(np.sort(labels)[0], [0.1, 0.1, 0.8], rtol=1e-6)


def test_mixed_labels_sum_to_one(decoded):
    options = {"mixup": 0.5, "cutmix": 1.0}
    _, labels = take(training_batches(decoded, 20, **options), 1)[0]
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-5)
    assert np.any((labels > 0.01) & (labels < 0.99))


def test_balanced_batches_show_every_class_equally_often(decoded):
    labels = np.array([0] * 18 + [1] * 4 + [2])
    uneven = DecodedImages(decoded.images, labels, decoded.paths, ("a", "b", "c"))
    options = {"batch_size": 11, "seed": 3, "balanced": True}
    batches = take(training_batches(uneven, **options), 40)
    seen = np.concatenate([labels for _, labels in batches]).sum(axis=0)
    np.testing.assert_allclose(seen / seen.sum(), 1 / 3, atol=0.03)
    resumed = take(training_batches(uneven, **options, first_step=7), 3)
    assert_same(resumed, batches[7:10])


def test_training_never_ends(decoded):
    dataset = training_batches(decoded, 20)
    assert int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY
    assert len(take(dataset, 5)) == 5


def test_evaluation_is_in_order_whole_and_unchanged(decoded):
    batches = take(evaluation_batches(decoded, 5), 99)
    assert [len(images) for images, _ in batches] == [5, 5, 5, 5, 3]
    images = np.concatenate([images for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    np.testing.assert_array_equal(images, decoded.images)
    np.testing.assert_array_equal(labels.argmax(axis=1), decoded.labels)


def test_evaluation_of_the_middle(decoded):
    height, width = SIZE[0] - 3, SIZE[1] - 4
    batches = evaluation_batches(decoded, 5, center=(height, width))
    images = np.concatenate([images for images, _ in take(batches, 99)])
    middle = decoded.images[:, 1 : 1 + height, 2 : 2 + width]
    np.testing.assert_array_equal(images, middle)


def test_evaluation_sees_what_predict_decodes(class_folders):
    loaded = load_images(index_directory(class_folders), (24, 24))
    images = np.concatenate(
        [images for images, _ in take(evaluation_batches(loaded, 5), 9)]
    )
    for path, image in zip(loaded.paths, images, strict=True):
        np.testing.assert_array_equal(image, decode_image(path, (24, 24)))


def test_batches_have_static_shapes(decoded):
    images, labels = training_batches(decoded, 5, STRONG, mixup=0.1).element_spec
    assert images.shape.as_list() == [5, *SIZE, 3]
    assert labels.shape.as_list() == [5, 3]
    images, _ = evaluation_batches(decoded, 5).element_spec
    assert images.shape.as_list() == [None, *SIZE, 3]


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [(0, "at least 1. Received: 0"), (24, "at most the number .* 23. Received: 24")],
)
def test_unfit_batch_sizes_raise_in_words(decoded, batch_size, message):
    with pytest.raises(DataError, match=message):
        training_batches(decoded, batch_size)


def test_unfit_label_smoothing_raises(decoded):
    with pytest.raises(ValueError, match="`label_smoothing` to be from 0"):
        training_batches(decoded, 5, label_smoothing=1.0)


@pytest.mark.parametrize("change", ["read-only", "misaligned", "strided"])
def test_any_array_becomes_a_tensor(decoded, change):
    images = decoded.images.copy()
    if change == "read-only":
        images.flags.writeable = False
    elif change == "misaligned":
        images = np.concatenate([np.zeros(1, np.uint8), images.ravel()])[1:]
        images = images.reshape(decoded.images.shape)
    else:
        images = np.repeat(images, 2, axis=0)[::2]
    other = DecodedImages(images, decoded.labels, decoded.paths, decoded.class_names)
    batches = (evaluation_batches(which, 5) for which in (other, decoded))
    assert_same(*(take(dataset, 9) for dataset in batches))


@pytest.mark.parametrize("mixing", [{}, {"mixup": 0.4}, {"cutmix": 1.0}])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_sample_weights_weigh_every_label_by_its_image(decoded, mixing, smoothing):
    """The weighted loss of a mixed image is the mean of the weighted losses."""
    weights = np.linspace(0, 2, 23, dtype=np.float32)
    weights[:3] = 0
    weighted = dataclasses.replace(decoded, sample_weights=weights)
    options = {"seed": 3, "label_smoothing": smoothing, **mixing}
    plain = take(training_batches(decoded, 8, STRONG, **options), 4)
    found = take(training_batches(weighted, 8, STRONG, **options), 4)
    # With labels of its number each image says what it counts in a mixed one.
    numbers = dataclasses.replace(
        decoded, labels=np.arange(23), class_names=tuple(map(str, range(23)))
    )
    fractions = take(training_batches(numbers, 8, STRONG, seed=3, **mixing), 4)
    unmixed = np.eye(3)[np.arange(23) % 3] * (1 - smoothing) + smoothing / 3
    for (images, labels, given), (same, own, *none), (_, fraction) in zip(
        found, plain, fractions, strict=True
    ):
        assert not none and labels.shape == own.shape
        np.testing.assert_array_equal(images, same)
        np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(given, fraction @ weights, atol=1e-5)
        expected = fraction @ (weights[:, None] * unmixed)
        np.testing.assert_allclose(given[:, None] * labels, expected, atol=1e-5)


def test_sample_weights_of_one_change_nothing_but_the_structure(decoded):
    weighted = dataclasses.replace(decoded, sample_weights=np.ones(23, np.float32))
    for (images, labels), (same, own, ones) in zip(
        take(training_batches(decoded, 8, STRONG), 2),
        take(training_batches(weighted, 8, STRONG), 2),
        strict=True,
    ):
        assert_same([(images, labels, np.ones(8))], [(same, own, ones)])
