"""Growing images are the full ones shrunk, at the sides that were asked for."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from kerasnorm.data import DecodedImages, training_batches  # noqa: E402
from kerasnorm.data.pipelines.resolution_tf import with_growing_images  # noqa: E402
from tests.data.conftest import smooth_image  # noqa: E402


def side_at(step):
    return 8 if step < 2 else 16


@pytest.fixture(scope="module")
def batches():
    images = np.stack([smooth_image(16, 16, seed=seed) for seed in range(8)])
    paths = tuple(f"{number}.jpg" for number in range(8))
    decoded = DecodedImages(images, np.arange(8) % 2, paths, ("a", "b"))
    return lambda first: training_batches(decoded, 4, seed=1, first_step=first)


def test_images_are_block_averages_until_they_have_grown(batches):
    full = [images.numpy() for images, _ in batches(0).take(3)]
    grown = [
        images.numpy() for images, _ in with_growing_images(batches(0), side_at).take(3)
    ]
    for before, after in zip(full[:2], grown[:2], strict=True):
        blocks = before.reshape(4, 8, 2, 8, 2, 3).mean(axis=(2, 4))
        np.testing.assert_allclose(after, blocks, atol=1e-3)
    np.testing.assert_allclose(grown[2], full[2], atol=1e-4)


def test_a_resumed_training_sees_the_same_sides(batches):
    later = with_growing_images(batches(1), side_at, first_step=1).take(2)
    assert [images.shape for images, _ in later] == [(4, 8, 8, 3), (4, 16, 16, 3)]
