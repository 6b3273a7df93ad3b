"""Smooth or rough? Two-way texture classifier."""

import keras
import numpy as np

keras.utils.set_random_seed(12)
rng = np.random.default_rng(12)


def texture(rough, n):
    small = rng.normal(size=(n, 8, 8)) if not rough else rng.normal(size=(n, 16, 16))
    factor = 32 // small.shape[1]
    big = small.repeat(factor, 1).repeat(factor, 2)
    return big + rng.normal(0, 1.0, (n, 32, 32))


def dataset(n):
    x = np.concatenate([texture(False, n // 2), texture(True, n // 2)])
    y = np.repeat([0, 1], n // 2)
    order = rng.permutation(n)
    return x[order, ..., None].astype("float32"), keras.utils.to_categorical(y[order])


x_train, y_train = dataset(1000)
x_val, y_val = dataset(300)

model = keras.Sequential(
    [
        keras.Input((32, 32, 1)),
        keras.layers.Conv2D(16, 5, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss="binary_crossentropy",
    metrics=["accuracy"],
)
model.fit(x_train, y_train, epochs=5, validation_data=(x_val, y_val))
