"""Keras' layers run on training batches and can be resumed."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402

from kerasnorm.data import DecodedImages, training_batches  # noqa: E402
from kerasnorm.data.augment.keras_layers_tf import with_keras_layers  # noqa: E402
from tests.data.conftest import smooth_image  # noqa: E402
from tests.marks import thorough_after  # noqa: E402

LAYERS = {
    "rand_augment": lambda: keras.layers.RandAugment((0, 255), num_ops=1),
    "random_erasing": lambda: keras.layers.RandomErasing(value_range=(0, 255)),
    "mixup": lambda: keras.layers.MixUp(),
    "cutmix": lambda: keras.layers.CutMix(),
}


@pytest.fixture(scope="module")
def decoded():
    images = np.stack([smooth_image(16, 16, seed=seed) for seed in range(8)])
    paths = tuple(f"{number}.jpg" for number in range(8))
    return DecodedImages(images, np.arange(8) % 2, paths, ("a", "b"))


def batches(decoded, layers, first_step=0, count=4, seed=3):
    plain = training_batches(decoded, 4, seed=1, first_step=first_step)
    dataset = with_keras_layers(plain, layers, seed, first_step=first_step)
    return [tuple(part.numpy() for part in batch) for batch in dataset.take(count)]


@pytest.mark.parametrize("name", thorough_after(1, reversed(LAYERS)))
def test_layers_change_batches_repeatably_and_resume(decoded, name):
    layer = LAYERS[name]()
    plain = training_batches(decoded, 4, seed=1).take(4)
    whole = batches(decoded, [layer])
    assert any(
        np.any(images.numpy() != varied)
        for (images, _), (varied, _) in zip(plain, whole, strict=True)
    )
    resumed = batches(decoded, [LAYERS[name]()], first_step=2, count=2)
    for received, expected in zip(resumed, whole[2:], strict=True):
        np.testing.assert_array_equal(received[0], expected[0])
        np.testing.assert_array_equal(received[1], expected[1])


def test_batches_differ_from_each_other_and_between_seeds(decoded):
    layer = LAYERS["random_erasing"]()
    images = np.zeros((4, 16, 16, 3), np.float32)
    constant = tf.data.Dataset.from_tensors((images, np.eye(4, dtype=np.float32)))
    seen = set()
    for seed in (1, 2):
        dataset = with_keras_layers(constant.repeat(), [layer], seed)
        seen |= {batch.numpy().tobytes() for batch, _ in dataset.take(3)}
    assert len(seen) == 6


@pytest.mark.thorough
def test_shapes_stay(decoded):
    plain = training_batches(decoded, 4)
    layers = [make() for make in LAYERS.values()]
    assert with_keras_layers(plain, layers).element_spec == plain.element_spec


def test_other_backends_are_refused(decoded, monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="Expected the TensorFlow backend"):
        with_keras_layers(training_batches(decoded, 4), [])
