"""Tell horizontal from vertical stripes. Everything in memory."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
keras.utils.set_random_seed(0)


def make_stripes(n, size=28):
    label = rng.integers(0, 2, n)
    period = rng.uniform(4, 9, (n, 1, 1))
    phase = rng.uniform(0, 6.28, (n, 1, 1))
    grid = np.arange(size)
    wave_y = np.sin(2 * np.pi * grid[None, :, None] / period + phase)
    wave_x = np.sin(2 * np.pi * grid[None, None, :] / period + phase)
    img = np.where(label[:, None, None] == 0, wave_y, wave_x)
    img = 0.5 + 0.3 * img + rng.normal(0, 0.15, (n, size, size))
    return img[..., None].astype("float32"), label


x_train, y_train = make_stripes(1200)
x_test, y_test = make_stripes(300)

model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=5, validation_data=(x_test, y_test))
