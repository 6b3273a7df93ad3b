"""Numbers and small models for the tests of surgery."""

import keras
import numpy as np

from kerasnorm import surgery


def numbers(value):
    return np.array(keras.ops.convert_to_numpy(value))


def images(count=4, size=8, channels=3, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(0, 1, (count, size, size, channels)).astype("float32")


def shake(model, seed=0):
    """Give every weight and statistic a number that a mistake would show."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        value = generator.normal(0, 0.3, weight.shape)
        if weight.name in ("moving_variance", "gamma"):
            value = 0.7 + np.abs(value)
        weight.assign(value.astype("float32"))
    return model


def conv_bn_relu(size=8, filters=6, relu=None):
    """Build convolution, norm and rectifier twice, with a classifier."""
    inputs = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(filters, 3, name="conv1")(inputs)
    x = keras.layers.BatchNormalization(name="bn1")(x)
    x = (relu or keras.layers.ReLU(name="relu1"))(x)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False, name="conv2")(x)
    x = keras.layers.BatchNormalization(name="bn2", scale=False)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = keras.layers.Dense(2, name="dense")(x)
    return shake(keras.Model(inputs, outputs))


def kinds(model):
    return [site.kind for site in surgery.find_norms(model)]


def infer(model, inputs):
    return numbers(model(inputs, training=False))


def weights_by_path(model):
    return {weight.path: numbers(weight) for weight in model.weights}
