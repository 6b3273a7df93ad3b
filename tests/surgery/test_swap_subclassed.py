import keras
import numpy as np
import pytest

from kerasnorm.surgery import swap_norm
from tests.marks import thorough_after
from tests.surgery.helpers import images, infer, kinds, numbers, shake

pytestmark = pytest.mark.backends


class Net(keras.Model):
    """Norms in an attribute, a list, a tuple, a dictionary and a nested layer."""

    def __init__(self, width=6, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.conv = keras.layers.Conv2D(width, 3)
        self.norm = keras.layers.BatchNormalization()
        self.stack = [keras.layers.Dense(width), keras.layers.BatchNormalization()]
        self.pair = (keras.layers.BatchNormalization(), keras.layers.ReLU())
        self.named = {"norm": keras.layers.BatchNormalization()}
        self.block = Block(width)

    def call(self, inputs, training=False):
        x = self.norm(self.conv(inputs), training=training)
        for layer in (*self.stack, *self.pair):
            x = layer(x)
        return self.block(self.named["norm"](x), training=training)


class Block(keras.layers.Layer):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = keras.layers.Dense(width)
        self.norm = keras.layers.BatchNormalization()

    def call(self, inputs, training=False):
        return self.norm(self.dense(inputs), training=training)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


class HeldBlock(Block):
    """Takes its norm as an argument, and so can be restored with any."""

    def __init__(self, width, norm=None, **kwargs):
        super().__init__(width, **kwargs)
        self.norm = norm or keras.layers.BatchNormalization()

    def get_config(self):
        norm = keras.saving.serialize_keras_object(self.norm)
        return {**super().get_config(), "norm": norm}

    @classmethod
    def from_config(cls, config):
        norm = keras.saving.deserialize_keras_object(config.pop("norm"))
        return cls(norm=norm, **config)


class Late(keras.layers.Layer):
    def build(self, input_shape):
        self.norm = keras.layers.BatchNormalization()
        self.norm.build(input_shape)

    def call(self, inputs, training=False):
        return self.norm(inputs, training=training)


class NoConfig(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()
        self.extra = layer

    def call(self, inputs):
        return self.extra(self.norm(inputs))

    def get_config(self):
        raise NotImplementedError("no configuration")


class Peeking(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()

    def call(self, inputs):
        return self.norm(inputs) + self.norm.moving_mean


def built(model):
    model(images())
    return shake(model)


@pytest.mark.parametrize("to", thorough_after(1, ["group", "frn", "none"]))
def test_norms_are_replaced_wherever_they_are_held(to):
    model = built(Net())
    before = infer(model, images())
    new, report = swap_norm(model, to, batch=images())
    assert kinds(new) == ([] if to == "none" else [to] * 5)
    assert len(report.swaps) == 5
    assert infer(new, images()).shape == before.shape
    assert np.array_equal(infer(model, images()), before)


@pytest.mark.thorough
def test_all_other_weights_come_along():
    model = built(Net())
    new, report = swap_norm(model, "group")
    assert report.carried == 6
    for old_layer, new_layer in (
        (model.conv, new.conv),
        (model.stack[0], new.stack[0]),
        (model.block.dense, new.block.dense),
    ):
        assert np.array_equal(numbers(old_layer.kernel), numbers(new_layer.kernel))
    assert np.array_equal(numbers(model.norm.gamma), numbers(new.norm.gamma))


def test_to_none_on_a_batch_equals_training():
    model = built(Net())
    expected = numbers(model(images(), training=True))
    model = built(Net())
    new, _ = swap_norm(model, "none", batch=images())
    assert np.allclose(infer(new, images()), expected, atol=1e-4)


@pytest.mark.thorough
def test_old_norms_leave_no_weights_behind():
    new, _ = swap_norm(built(Net()), "group")
    assert not any("moving" in weight.path for weight in new.weights)


@pytest.mark.thorough
def test_a_class_that_makes_its_norms_itself_cannot_be_restored():
    _, report = swap_norm(built(Net()), "group")
    assert not report.restorable
    assert "cannot be loaded from a .keras file" in "".join(report.notes)


def test_blocks_inside_functional_models_are_entered():
    inputs = keras.Input((8, 8, 3))
    model = shake(keras.Model(inputs, Block(4)(inputs)))
    new, report = swap_norm(model, "group")
    assert kinds(new) == ["group"]
    assert not report.restorable


def test_blocks_that_keep_their_norm_in_the_configuration_are_restorable():
    inputs = keras.Input((8, 8, 3))
    model = shake(keras.Model(inputs, HeldBlock(4)(inputs)))
    new, report = swap_norm(model, "group")
    assert kinds(new) == ["group"]
    assert report.restorable


def test_wrapped_norms_are_replaced():
    wrapped = keras.layers.TimeDistributed(keras.layers.BatchNormalization())
    model = shake(keras.Sequential([keras.Input((4, 3)), wrapped]))
    new, report = swap_norm(model, "layer")
    assert kinds(new) == ["layer"]
    assert report.restorable


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NoConfig(keras.layers.Dense(2)), "get_config"),
        (Peeking, "moving_mean"),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 3)), Late()]),
            "in its constructor",
        ),
    ],
)
def test_what_is_not_safe_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        swap_norm(built(make()), "group")
