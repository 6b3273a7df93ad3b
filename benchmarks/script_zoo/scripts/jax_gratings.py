"""Keras on JAX, arrays in memory."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(3)


def gratings(n, seed, side=24, k=4):
    rng = np.random.default_rng(seed)
    y = rng.integers(k, size=n)
    t = (np.pi * y / k)[:, None, None]
    gy, gx = np.mgrid[:side, :side]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    return (x + rng.normal(0, 0.4, x.shape))[..., None].astype("float32"), y


x_train, y_train = gratings(1280, 0)
x_val, y_val = gratings(300, 1)
model = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        layers.Conv2D(16, 5, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x_train, y_train, batch_size=32, epochs=5, validation_data=(x_val, y_val))
