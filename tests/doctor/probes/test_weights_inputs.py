"""Which inputs frozen weights were trained on, whatever the classifier behind them."""

from types import SimpleNamespace

import keras
import pytest

from kerasnorm.doctor.checks.expected_inputs import check_weights
from kerasnorm.doctor.forward.state import restored_after
from kerasnorm.doctor.probes.inputs.weights_inputs import measure_inputs_of_weights
from kerasnorm.doctor.sampling.sample_batches import sample_batches
from tests.doctor.networks import batches
from tests.doctor.probes.test_expected_inputs import SIZE, colour_images

RANGES = {
    "0..255": lambda x: x,
    "0..1": lambda x: x / 255,
    "-1..1": lambda x: x / 127.5 - 1,
}


def measure(wanted, given, *, frozen=True):
    """Ask a network that cuts off what is darker than the mean of its own range."""
    x, y = colour_images(200, 0)
    seen = RANGES[wanted](x)
    inputs = keras.Input((SIZE, SIZE, 3))
    norm = keras.layers.BatchNormalization()
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(norm(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(features))
    norm.moving_mean.assign(seen.mean((0, 1, 2)))
    norm.moving_variance.assign(seen.var((0, 1, 2)))
    norm.trainable = not frozen
    model.compile(loss="sparse_categorical_crossentropy")
    samples = sample_batches(batches(RANGES[given](x), y, 32), 200, model=model)
    with restored_after(model):
        return measure_inputs_of_weights(model, samples)


@pytest.mark.parametrize(
    ("wanted", "given"), [("0..255", "0..1"), ("0..255", "-1..1"), ("0..1", "0..255")]
)
def test_frozen_weights_name_the_inputs_they_know(wanted, given):
    found = measure(wanted, given)
    assert found.images.preparation == wanted
    before, after = found.accuracy
    # All is darker than the mean, and nothing is left; or all is brighter, and the
    # colour of the ground covers that of the square.
    assert before < after - 0.1
    said = check_weights(SimpleNamespace(weights_inputs=found))
    assert (said.code, said.severity) == ("input_mismatch", "error")
    assert f"trained on inputs prepared as {wanted}" in said.summary
    assert f"with {found.images.name} a classifier trained anew" in said.summary
    assert "train the classifier again" in said.remedy


@pytest.mark.parametrize("wanted", RANGES)
def test_right_inputs_are_not_spoken_of(wanted):
    assert measure(wanted, wanted) is None


def test_norms_that_train_say_nothing_of_earlier_inputs():
    assert measure("0..255", "0..1", frozen=False) is None
