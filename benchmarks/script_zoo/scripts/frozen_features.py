"""Pretrained features with a new head; the backbone's weights stay as they are."""

import keras
import numpy as np
from keras import layers, models

keras.utils.set_random_seed(84)
SIDE = 24


def make(n, classes, seed, gain, level):
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    t = (np.pi * y / classes)[:, None, None]
    gy, gx = np.mgrid[:SIDE, :SIDE]
    f = rng.uniform(0.6, 1.2, (n, 1, 1))
    x = np.sin(f * (np.cos(t) * gx + np.sin(t) * gy) + rng.uniform(0, 6.28, (n, 1, 1)))
    x = level + gain * (x + rng.normal(0, 0.3, x.shape))
    return x[..., None].astype("float32"), y


def conv_block(filters):
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(),
    ]


backbone = models.Sequential(
    [keras.Input((SIDE, SIDE, 1)), *conv_block(16), *conv_block(32), *conv_block(32)]
)
backbone.add(layers.GlobalAveragePooling2D())
settings = dict(loss="sparse_categorical_crossentropy", metrics=["accuracy"])

print("--- general purpose set")
general = models.Sequential([backbone, layers.Dense(6, activation="softmax")])
general.compile(keras.optimizers.Adam(3e-3), **settings)
general.fit(
    *make(1920, 6, 0, 1.0, 0.0), epochs=12, validation_data=make(300, 6, 1, 1.0, 0.0)
)

print("--- our set")
for layer in backbone.layers:
    if not isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
ours = models.Sequential([backbone, layers.Dense(4, activation="softmax")])
ours.compile(keras.optimizers.Adam(1e-2), **settings)
ours.fit(
    *make(200, 4, 2, 0.3, 1.5),
    epochs=6,
    batch_size=20,
    validation_data=make(300, 4, 3, 0.3, 1.5),
)
