import keras
import numpy as np
import pytest

from kerasnorm.inspection.first_non_finite import first_non_finite

pytestmark = pytest.mark.backends

NAN = float("nan")


def broken(function, name="broken"):
    return keras.layers.Lambda(function, name=name, output_shape=(3,))


def compiled(*layers, loss="mse"):
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", loss)
    return model


def batch(x=None):
    x = np.ones((4, 3), "float32") if x is None else x
    return x, np.ones((4, 3), "float32")


def one_bad_row():
    x = batch()[0]
    x[2] = 0
    return x


def test_images_come_first():
    x = one_bad_row()
    x[2, 1] = NAN
    model = compiled(broken(lambda x: x * NAN))
    assert first_non_finite(model, batch(x)) == ("the images themselves", [2])


def test_the_first_layer_is_named_with_its_rows():
    inner = keras.Sequential([keras.Input((3,)), broken(lambda x: 1 / x)], name="inner")
    model = compiled(keras.layers.Identity(), inner, keras.layers.Dense(3))
    words, rows = first_non_finite(model, batch(one_bad_row()))
    assert words == "the output of the layer inner/broken"
    assert rows == [2]


def test_a_loss_may_be_bad_by_itself():
    model = compiled(
        keras.layers.Identity(),
        loss=lambda y, predicted: keras.ops.log(keras.ops.sum(predicted - 1) * 0 - 1),
    )
    assert first_non_finite(model, batch()) == ("the loss itself", [])


def test_a_gradient_may_be_bad_where_the_loss_is_good():
    dense = keras.layers.Dense(3, kernel_initializer="zeros", name="dense")
    # The root of 0 is finite, its slope is not.
    model = compiled(dense, broken(keras.ops.sqrt))
    words, rows = first_non_finite(model, batch())
    assert words.startswith("the gradient of ")
    assert "dense/" in words
    assert rows == []


def test_moving_statistics_come_last():
    norm = keras.layers.BatchNormalization(name="norm")
    model = compiled(norm)
    norm.moving_variance.assign(np.full(3, NAN, "float32"))
    words, _ = first_non_finite(model, batch())
    assert words.startswith("the moving statistic ")
    assert words.endswith("norm/moving_variance")


def test_a_good_batch_has_nothing_non_finite():
    model = compiled(keras.layers.BatchNormalization(), keras.layers.Dense(3))
    assert first_non_finite(model, batch()) == (None, [])
