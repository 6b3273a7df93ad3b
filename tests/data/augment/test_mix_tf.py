"""MixUp and CutMix mix images and labels by the same fraction."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data.augment.mix_tf import cut_and_mix, draw_mixes  # noqa: E402

SIZE = (20, 30)
SAMPLES = np.arange(4000)


def test_off_means_nothing_is_mixed():
    mixes = draw_mixes(0.0, 0.0, 1, 0, SAMPLES, SIZE)
    assert not mixes.any()
    images = tf.random.stateless_uniform((4, *SIZE, 3), (1, 2))
    labels = tf.eye(4)
    mixed, fractions = cut_and_mix(images, labels, tf.zeros((4, 5)))
    np.testing.assert_array_equal(mixed, images)
    np.testing.assert_array_equal(fractions, labels)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_of_mixup_have_the_moments_of_beta(alpha):
    fractions = draw_mixes(alpha, 0.0, 1, 0, SAMPLES, SIZE)[:, 0]
    assert fractions.mean() == pytest.approx(0.5, abs=0.03)
    assert fractions.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_boxes_of_cutmix_lie_inside():
    _, top, bottom, left, right = draw_mixes(0.0, 1.0, 1, 0, SAMPLES, SIZE).T
    assert np.all((0 <= top) & (top <= bottom) & (bottom <= SIZE[0]))
    assert np.all((0 <= left) & (left <= right) & (right <= SIZE[1]))
    assert np.all(np.stack([top, bottom, left, right]) % 1 == 0)


def test_with_both_each_image_takes_one():
    blend, top, bottom, left, right = draw_mixes(1.0, 1.0, 1, 0, SAMPLES, SIZE).T
    boxed = (bottom - top) * (right - left) > 0
    assert not np.any(boxed & (blend > 0))
    assert 0.45 < np.mean(blend > 0) < 0.55


def test_images_and_labels_are_blended_alike():
    images = np.ones((3, 4, 4, 1), np.float32)
    images *= np.arange(3.0, dtype=np.float32)[:, None, None, None]
    labels = np.eye(3, dtype=np.float32)
    mixes = np.array([[0.25, 0, 0, 0, 0]] * 3, np.float32)
    mixed, fractions = cut_and_mix(images, labels, mixes)
    # The neighbour of each is the one before it.
    np.testing.assert_allclose(mixed[:, 0, 0, 0], [0.5, 0.75, 1.75])
    np.testing.assert_allclose(fractions, 0.75 * labels + 0.25 * np.roll(labels, 1, 0))


def test_boxes_are_pasted_and_counted():
    images = np.stack([np.zeros((4, 5, 1)), np.ones((4, 5, 1))]).astype(np.float32)
    mixes = np.array([[0, 1, 3, 0, 5], [0, 0, 4, 2, 3]], np.float32)
    mixed, fractions = cut_and_mix(images, np.eye(2, dtype=np.float32), mixes)
    np.testing.assert_array_equal(mixed[0, :, :, 0].numpy().sum(axis=1), [0, 5, 5, 0])
    np.testing.assert_array_equal(
        mixed[1, :, :, 0].numpy().sum(axis=0), [4, 4, 0, 4, 4]
    )
    np.testing.assert_allclose(fractions, [[0.5, 0.5], [0.2, 0.8]], rtol=1e-6)
