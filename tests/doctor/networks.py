"""Networks with known weights, and data whose losses can be written down."""

import keras
import numpy as np

from kerasnorm.doctor import examine


def data(samples=256, seed=0, features=2):
    """Return inputs and the class that the sign of their first feature gives."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, features)).astype("float32")
    x[:, 0] += np.where(x[:, 0] > 0, 0.5, -0.5)
    return x, (x[:, 0] > 0).astype("float32")


def rings(seed=0, samples=1024):
    """Return inputs and whether they lie outside a sphere, which needs a fine step.

    Random features say next to nothing about it, in contrast to a line.
    """
    x = np.random.default_rng(seed).normal(size=(samples, 4)).astype("float32")
    return x, ((x**2).sum(axis=1) > 3.36).astype("float32")


def moments_of(x):
    return x.mean(axis=0), x.var(axis=0)


def sharp_network(x, *, slope=4.0, before=(), name="norm"):
    """Return a network that normalizes and separates the classes, statistics true."""
    norm = keras.layers.BatchNormalization(name=name, epsilon=1e-5)
    head = keras.layers.Dense(1, activation="sigmoid", name="head")
    model = keras.Sequential([keras.Input(x.shape[1:]), *before, norm, head])
    kernel = np.zeros((x.shape[1], 1), "float32")
    kernel[0] = slope
    head.set_weights([kernel, np.zeros(1, "float32")])
    set_statistics(norm, *moments_of(x))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
    return model


def set_statistics(norm, mean, variance):
    norm.moving_mean.assign(np.asarray(mean, "float32"))
    norm.moving_variance.assign(np.asarray(variance, "float32"))


def batches(x, y, size=32):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


def examine_planted(plant=None):
    """Examine the sharp network after `plant(model, train, validation)` broke it."""
    train, validation = data(), data(seed=1)
    model = sharp_network(train[0])
    if plant is not None:
        model, train, validation = plant(model, train, validation)
    return examine(model, batches(*train), batches(*validation))
