"""What is said of a fold is measured at the layers that were folded."""

import re

import keras
import numpy as np
import pytest

from kerasnorm.inspection import layer_tree
from kerasnorm.inspection.moving_statistics import recalibrate_batch_norm
from kerasnorm.surgery import compare_folded, fold_batch_norm
from tests.marks import thorough_after
from tests.surgery.helpers import shake

pytestmark = pytest.mark.backends

NUMBER = r"([\d.e+-]+)"


def body(size=8):
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.Conv2D(4, 3, use_bias=False, name="other")(x)
    x = keras.layers.BatchNormalization(name="last")(x)
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))


def inline(head):
    features = body()
    return keras.Model(features.input, head(features.output))


def nested(head):
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, head(body()(inputs)))


def frames(head):
    inputs = keras.Input((2, 8, 8, 3))
    x = keras.layers.TimeDistributed(body())(inputs)
    return keras.Model(inputs, head(keras.layers.Flatten()(x)))


def network(way, bias):
    """A network that says the same of every input, if the bias is large."""
    model = shake(way(keras.layers.Dense(2, activation="sigmoid", name="head")))
    model.get_layer("head").bias.assign([bias, bias])
    return model


def layer_of(model, name):
    return next(x for _, x in layer_tree.iter_layers(model) if x.name == name)


def said(text):
    inside, predictions = re.search(
        f"at most {NUMBER} of their std, predictions of up to .* by {NUMBER}[.]$", text
    ).groups()
    return float(inside), float(predictions)


@pytest.mark.parametrize("way", thorough_after(1, [nested, inline, frames]))
def test_a_wrong_fold_shows_although_the_head_is_saturated(way):
    model = network(way, bias=200.0)
    folded = fold_batch_norm(model)
    text = compare_folded(model, folded)
    assert text.startswith("2 norms folded, 0 left; on noise of ")
    inside, predictions = said(text)
    assert inside < 1e-4
    assert predictions == 0
    kernel = layer_of(folded, "other").kernel
    kernel.assign(kernel * 1.25)
    inside, predictions = said(compare_folded(model, folded))
    assert 0.1 < inside < 10
    assert predictions == 0


def test_a_mistake_behind_the_folded_layers_shows_in_the_predictions():
    model = network(nested, bias=0.0)
    folded = fold_batch_norm(model)
    assert max(said(compare_folded(model, folded))) < 1e-4
    layer_of(folded, "head").bias.assign([100.0, 100.0])
    inside, predictions = said(compare_folded(model, folded))
    assert inside < 1e-4
    assert predictions > 0.3


@pytest.mark.parametrize("blur", [1, 4])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (-1, 1)])
def test_noise_has_the_range_that_the_statistics_are_of(low, high, blur):
    model = network(nested, bias=0.0)
    # In images, other than in noise, a pixel is like its neighbours.
    size = 8 // blur
    images = np.random.default_rng(5).uniform(low, high, (32, size, size, 3))
    images = images.repeat(blur, 1).repeat(blur, 2)
    recalibrate_batch_norm(model, [images.astype("float32")])
    text = compare_folded(model, fold_batch_norm(model))
    assert f"on noise of {low} to {high}, outputs" in text
    assert said(text)[0] < 1e-4


def test_a_given_batch_is_what_it_is_compared_on():
    model = network(inline, bias=0.0)
    text = compare_folded(model, fold_batch_norm(model), np.ones((2, 8, 8, 3)))
    assert text.startswith("2 norms folded, 0 left; on the given batch, outputs")
