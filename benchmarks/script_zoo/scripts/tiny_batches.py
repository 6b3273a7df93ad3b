"""Batch size 2, because the real images are big."""

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(46)


def gratings(n, seed):
    r = np.random.default_rng(seed)
    y = r.integers(0, 4, n)
    g = np.arange(20)
    f = r.uniform(0.7, 1.3, (n, 1, 1))
    a = (y % 2 * np.pi / 2)[:, None, None]
    p = r.uniform(0, 6.28, (n, 1, 1))
    x = np.sin(f * (np.cos(a) * g[:, None] + np.sin(a) * g[None, :]) + p)
    x = x * np.where(y < 2, 1.0, 0.5)[:, None, None]  # strong, faint
    return (x + r.normal(0, 0.2, x.shape))[..., None].astype("float32"), y


def net(batch_norm=True):
    inp = x = keras.Input((20, 20, 1))
    for w in (16, 32):
        x = layers.Conv2D(w, 3, padding="same", use_bias=not batch_norm)(x)
        if batch_norm:
            x = layers.BatchNormalization(momentum=0.95)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(32, use_bias=not batch_norm)(x)
    if batch_norm:
        x = layers.BatchNormalization(momentum=0.95)(x)
    x = layers.ReLU()(x)
    return keras.Model(inp, layers.Dense(4, activation="softmax")(x))


model = net()
model.compile(
    keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(*gratings(800, 0), batch_size=2, epochs=4, validation_data=gratings(300, 1))
