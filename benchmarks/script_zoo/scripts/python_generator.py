"""Endless Python generators, steps_per_epoch."""

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

tf.keras.utils.set_random_seed(44)
SIDE, BATCH = 24, 32


def render(label, rng):
    yy, xx = np.mgrid[:SIDE, :SIDE]
    t = label * np.pi / 4
    wave = rng.uniform(0.6, 1.2) * (np.cos(t) * xx + np.sin(t) * yy)
    img = 128 + 70 * np.sin(wave + rng.uniform(0, 6.28))
    return np.clip(img + rng.normal(0, 25, img.shape), 0, 255)


def batches(seed):
    rng = np.random.default_rng(seed)
    while True:
        labels = rng.integers(0, 4, BATCH)
        images = np.stack([render(k, rng) for k in labels])
        yield images[..., None].astype("float32") / 255.0, labels


model = models.Sequential(
    [
        layers.Input((SIDE, SIDE, 1)),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile(
    optimizer=tf.keras.optimizers.Adam(5e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    batches(1),
    steps_per_epoch=40,
    epochs=5,
    validation_data=batches(2),
    validation_steps=8,
)
