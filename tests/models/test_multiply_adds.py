import keras
import numpy as np
import pytest

from kerasnorm.models import count_multiply_adds


def count(*layers, shape=(8, 8, 6)):
    return count_multiply_adds(keras.Sequential([keras.Input(shape), *layers]))


@pytest.mark.backends
@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (keras.layers.Dense(5), 8 * 8 * 6 * 5),
        (keras.layers.Conv2D(4, 3, padding="same"), 64 * 9 * 6 * 4),
        (keras.layers.Conv2D(4, 3, strides=2, padding="same"), 16 * 9 * 6 * 4),
        (keras.layers.Conv2D(4, 3, groups=2, padding="same"), 64 * 9 * 3 * 4),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), 36 * 9 * 6 * 2),
        (keras.layers.SeparableConv2D(4, 3), 36 * (9 * 6 + 6 * 4)),
        (keras.layers.Conv2DTranspose(4, 3, strides=2), 64 * 9 * 6 * 4),
    ],
)
def test_each_layer_is_counted_by_hand(layer, expected):
    assert count(layer) == expected


def test_a_layer_called_twice_counts_twice():
    dense = keras.layers.Dense(6)
    assert count(dense, dense, shape=(6,)) == 2 * 36


def test_nested_models_are_entered():
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    assert count(inner, shape=(6,)) == 30


def test_unknown_size_asks_for_one():
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(2, 1)])
    with pytest.raises(ValueError, match="input_shape"):
        count_multiply_adds(model)
    assert count_multiply_adds(model, (4, 4, 3)) == 16 * 6


def test_the_model_is_left_as_it_was():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5)])
    before = model(np.ones((1, 6)))
    count_multiply_adds(model)
    assert "call" not in vars(model.layers[0])
    assert np.array_equal(model(np.ones((1, 6))), before)
