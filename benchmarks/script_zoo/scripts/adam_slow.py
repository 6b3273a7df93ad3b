import argparse

import keras
import numpy as np
from keras import layers

p = argparse.ArgumentParser()
p.add_argument("--lr", type=float, default=1e-6)
p.add_argument("--epochs", type=int, default=4)
p.add_argument("--batch", type=int, default=32)
a = p.parse_args()

keras.utils.set_random_seed(16)
rng = np.random.default_rng(16)


def gratings(n, k=4, s=24):
    y = rng.integers(0, k, n)
    gy, gx = np.mgrid[:s, :s]
    t = (y * np.pi / k)[:, None, None]
    x = np.sin(
        rng.uniform(0.6, 1.2, (n, 1, 1)) * (np.cos(t) * gx + np.sin(t) * gy)
        + rng.uniform(0, 6.28, (n, 1, 1))
    )
    return (x + rng.normal(0, 0.3, x.shape)).astype("float32")[..., None], y


xt, yt = gratings(1200)
xv, yv = gratings(300)
inp = layers.Input((24, 24, 1))
z = layers.Conv2D(16, 5, activation="relu")(inp)
z = layers.MaxPooling2D()(z)
z = layers.Conv2D(32, 3, activation="relu")(z)
z = layers.Flatten()(z)
z = layers.Dense(4, activation="softmax")(z)
model = keras.Model(inp, z)
model.compile(
    keras.optimizers.Adam(a.lr),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(xt, yt, epochs=a.epochs, batch_size=a.batch, validation_data=(xv, yv))
