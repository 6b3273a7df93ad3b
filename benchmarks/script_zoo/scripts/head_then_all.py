"""Warm up a new head, then train the whole network."""

import keras
import numpy as np
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D

keras.utils.set_random_seed(64)
rng = np.random.default_rng(64)


def crosses(n, kinds, size=20):
    """Bars at given angles with noise; returns images and labels."""
    y = rng.integers(0, len(kinds), n)
    g = np.arange(size) - size / 2
    out = np.empty((n, size, size), "float32")
    for i in range(n):
        a = np.deg2rad(kinds[y[i]] + rng.normal(0, 5))
        c = rng.uniform(-4, 4)
        d = np.cos(a) * g[:, None] + np.sin(a) * g[None, :] - c
        out[i] = np.exp(-(d**2) / 3) + rng.normal(0, 0.25, (size, size))
    return out[..., None], y


backbone = keras.Sequential(
    [
        keras.Input((20, 20, 1)),
        Conv2D(16, 5, activation="relu"),
        MaxPooling2D(2),
        Conv2D(32, 3, activation="relu"),
        Flatten(),
        Dense(32, activation="relu"),
    ],
    name="backbone",
)
x_train, y_train = crosses(800, [0, 30, 60, 90, 120, 150])
x_val, y_val = crosses(300, [0, 30, 60, 90, 120, 150])

backbone.trainable = False
model = keras.Sequential([backbone, Dense(6, activation="softmax")])
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
print("warming up the head")
model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=2)

print("now everything")
backbone.trainable = True
model.optimizer.learning_rate = 1e-3
model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=6)
