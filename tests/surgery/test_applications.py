"""Every model of keras.applications with batch norm gets other norms and trains."""

import functools

import keras
import numpy as np
import pytest

from kerasnorm.models import list_backbones
from kerasnorm.surgery import swap_norm
from tests.surgery.helpers import numbers

TARGETS = ("group", "frn", "instance", "none")
WITHOUT_BATCH_NORM = ("ConvNeXt", "VGG")
NEED_75_PIXELS = ("Inception", "Xception")
MARKS: dict = {
    ("DenseNet121", "none"): pytest.mark.thorough,
    ("MobileNet", "frn"): (),
    ("MobileNet", "instance"): pytest.mark.thorough,
    ("MobileNetV2", "group"): pytest.mark.thorough,
    ("MobileNetV3Small", "none"): pytest.mark.thorough,
}
CASES = [
    pytest.param(name, to, marks=MARKS.get((name, to), pytest.mark.slow))
    for name in list_backbones()
    if not name.startswith(WITHOUT_BATCH_NORM)
    for to in TARGETS
]


# Four cases in a row share a model; the largest has 118 million weights.
@functools.lru_cache(maxsize=1)
def application(name):
    size = 75 if name.startswith(NEED_75_PIXELS) else 32
    builder = getattr(keras.applications, name)
    return builder(
        weights=None, include_top=False, input_shape=(size, size, 3), pooling="avg"
    )


def count_batch_norms(model):
    kind = keras.layers.BatchNormalization
    return sum(isinstance(layer, kind) for layer in model.layers)


@pytest.mark.parametrize(("name", "to"), CASES)
def test_no_batch_norm_is_left_and_it_trains(name, to):
    model = application(name)
    size = model.input_shape[1]
    x = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    assert count_batch_norms(model) > 0
    new, report = swap_norm(model, to, batch=x)
    assert len(report.swaps) == count_batch_norms(model)
    assert count_batch_norms(new) == 0
    assert new.output_shape == model.output_shape
    new.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    kernel = next(w for w in new.trainable_weights if w.name.endswith("kernel"))
    before = numbers(kernel)
    loss = new.train_on_batch(x, np.ones((2, new.output_shape[-1]), "float32"))
    assert np.isfinite(loss)
    assert not np.array_equal(numbers(kernel), before)


def test_the_sweep_misses_no_family():
    assert len({name for name, _ in (case.values for case in CASES)}) == 33
