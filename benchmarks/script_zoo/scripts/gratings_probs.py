"""Eight-way orientation classifier with a softmax head."""

import keras
import numpy as np
from keras import layers

N_CLASSES = 8
SIZE = 24


def make(n, seed):
    r = np.random.default_rng(seed)
    y = r.integers(N_CLASSES, size=n)
    a = (y * np.pi / N_CLASSES)[:, None, None]
    gy, gx = np.mgrid[:SIZE, :SIZE]
    f = r.uniform(0.7, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(a) * gx + np.sin(a) * gy) + r.uniform(0, 6.28, (n, 1, 1)))
    x += r.normal(0, 0.3, x.shape)
    return x[..., None].astype("float32"), y


keras.utils.set_random_seed(3)
train, val = make(2000, 1), make(400, 2)

inputs = keras.Input((SIZE, SIZE, 1))
h = layers.Conv2D(24, 7, activation="relu")(inputs)
h = layers.MaxPooling2D()(h)
h = layers.Conv2D(48, 3, activation="relu")(h)
h = layers.GlobalAveragePooling2D()(h)
h = layers.Dense(64, activation="relu")(h)
probs = layers.Dense(N_CLASSES, activation=keras.activations.softmax)(h)

model = keras.Model(inputs, probs)
model.compile(
    keras.optimizers.Adam(2e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(*train, validation_data=val, epochs=6, batch_size=32)
