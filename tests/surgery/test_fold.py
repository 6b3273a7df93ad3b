import keras
import numpy as np
import pytest

from kerasnorm import layers
from kerasnorm.models import backbone, convnet
from kerasnorm.surgery import fold_batch_norm, swap_norm
from tests.surgery.helpers import conv_bn_relu, images, infer, kinds, shake

pytestmark = pytest.mark.backends

FRONTS = [
    (keras.layers.Dense(4), (5,)),
    (keras.layers.Dense(4, use_bias=False), (3, 5)),
    (keras.layers.Conv1D(4, 3), (7, 3)),
    (keras.layers.Conv2D(4, 3, strides=2, padding="same"), (7, 7, 3)),
    (keras.layers.Conv2D(6, 3, groups=3, use_bias=False), (7, 7, 3)),
    (keras.layers.Conv2D(4, 3, dilation_rate=2), (7, 7, 3)),
    (keras.layers.Conv3D(4, 2), (4, 4, 4, 2)),
    (keras.layers.Conv1DTranspose(4, 3), (7, 3)),
    (keras.layers.Conv2DTranspose(4, 3, strides=2), (5, 5, 3)),
    (keras.layers.DepthwiseConv1D(3, depth_multiplier=2), (7, 3)),
    (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), (7, 7, 3)),
    (keras.layers.SeparableConv1D(4, 3), (7, 3)),
    (keras.layers.SeparableConv2D(4, 3, depth_multiplier=2), (7, 7, 3)),
    (layers.WSConv2D(4, 3, use_bias=False), (7, 7, 3)),
    (layers.ScaledWSConv2D(4, 3), (7, 7, 3)),
    (layers.ScaledWSDepthwiseConv2D(3, depth_multiplier=2), (7, 7, 3)),
]


def assert_equal_predictions(model, folded, shape, tolerance=1e-5):
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype("float32")
    expected = infer(model, x)
    scale = max(1.0, float(np.abs(expected).max()))
    assert np.allclose(infer(folded, x), expected, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("front", "shape"), FRONTS, ids=lambda value: getattr(value, "name", "")
)
def test_every_linear_layer_takes_the_norm_in(front, shape):
    norm = keras.layers.BatchNormalization()
    model = shake(keras.Sequential([keras.Input(shape), front, norm]))
    folded = fold_batch_norm(model)
    assert kinds(folded) == []
    assert len(folded.layers) == 1
    assert_equal_predictions(model, folded, shape)


@pytest.mark.parametrize("options", [{"scale": False}, {"center": False}])
def test_norms_without_scale_or_center_are_folded(options):
    norm = keras.layers.BatchNormalization(**options)
    model = shake(
        keras.Sequential([keras.Input((7, 7, 3)), keras.layers.Conv2D(4, 3), norm])
    )
    folded = fold_batch_norm(model)
    assert kinds(folded) == []
    assert_equal_predictions(model, folded, (7, 7, 3))


def test_what_is_silent_in_inference_may_stand_between():
    between = keras.layers.SpatialDropout2D(0.5)
    norm = keras.layers.BatchNormalization()
    model = shake(
        keras.Sequential(
            [keras.Input((7, 7, 3)), keras.layers.Conv2D(4, 3), between, norm]
        )
    )
    folded = fold_batch_norm(model)
    assert kinds(folded) == []
    assert_equal_predictions(model, folded, (7, 7, 3))


def norm_in_front(x):
    return keras.layers.Conv2D(4, 3)(keras.layers.BatchNormalization()(x))


def activation_between(x):
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    return keras.layers.BatchNormalization()(x)


def second_reader(x):
    x = keras.layers.Conv2D(4, 3)(x)
    return keras.layers.Add()([keras.layers.BatchNormalization()(x), x])


def shared_convolution(x):
    convolution = keras.layers.Conv2D(3, 1)
    x = keras.layers.BatchNormalization()(convolution(x))
    return convolution(x)


def shared_norm(x):
    norm = keras.layers.BatchNormalization()
    x = norm(keras.layers.Conv2D(4, 1)(x))
    return norm(keras.layers.Conv2D(4, 1)(x))


def other_axis(x):
    x = keras.layers.Conv2D(4, 1)(x)
    return keras.layers.BatchNormalization(axis=1)(x)


def foreign_subclass(x):
    class Doubled(keras.layers.Conv2D):
        def call(self, inputs):
            return super().call(inputs) ** 2

    return keras.layers.BatchNormalization()(Doubled(4, 1)(x))


@pytest.mark.parametrize(
    "wire",
    [
        norm_in_front,
        activation_between,
        second_reader,
        shared_convolution,
        shared_norm,
        other_axis,
        foreign_subclass,
    ],
)
def test_what_would_not_be_exact_stays(wire):
    inputs = keras.Input((7, 7, 3))
    model = shake(keras.Model(inputs, wire(inputs)))
    folded = fold_batch_norm(model)
    assert kinds(folded) == ["batch"]
    assert_equal_predictions(model, folded, (7, 7, 3))


def test_a_whole_network_predicts_the_same():
    model = shake(convnet((32, 32, 3), 5))
    folded = fold_batch_norm(model)
    assert kinds(folded) == []
    assert_equal_predictions(model, folded, (32, 32, 3))


@pytest.mark.thorough
def test_nested_backbones_are_folded():
    model = shake(backbone("MobileNetV2", (32, 32, 3), 3))
    folded = fold_batch_norm(model)
    assert kinds(folded) == []
    assert_equal_predictions(model, folded, (32, 32, 3))


def test_the_scale_of_a_norm_free_network_is_folded():
    model, _ = swap_norm(conv_bn_relu(), "none")
    folded = fold_batch_norm(model)
    assert not any(isinstance(x, layers.ChannelScale) for x in folded.layers)
    assert_equal_predictions(model, folded, (8, 8, 3))


def test_the_given_model_is_not_changed():
    model = conv_bn_relu()
    expected = infer(model, images())
    fold_batch_norm(model)
    assert np.array_equal(infer(model, images()), expected)
    assert kinds(model) == ["batch", "batch"]


def test_the_folded_model_is_smaller_and_can_be_saved(tmp_path):
    folded = fold_batch_norm(conv_bn_relu())
    assert len(folded.layers) == len(conv_bn_relu().layers) - 2
    folded.save(tmp_path / "folded.keras")
    loaded = keras.saving.load_model(tmp_path / "folded.keras")
    assert np.allclose(infer(loaded, images()), infer(folded, images()))


def test_a_subclassed_model_is_refused():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = keras.layers.BatchNormalization()

        def call(self, inputs):
            return self.norm(inputs)

    with pytest.raises(ValueError, match="subclassed"):
        fold_batch_norm(Net())


def test_a_model_without_batch_norms_is_refused():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="at least one batch norm to fold"):
        fold_batch_norm(model)
