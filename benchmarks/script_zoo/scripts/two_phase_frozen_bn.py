"""Feature extraction, then fine-tuning with the norms left alone."""

import argparse

import keras
import numpy as np
from keras import layers

ap = argparse.ArgumentParser()
ap.add_argument("--source-epochs", type=int, default=4)
ap.add_argument("--head-epochs", type=int, default=6)
ap.add_argument("--tune-epochs", type=int, default=3)
opt = ap.parse_args()
keras.utils.set_random_seed(101)
SIDE = 24


class Gratings:
    def __init__(self, classes, seed, gain=1.0, level=0.0):
        self.classes, self.gain, self.level = classes, gain, level
        self.rng = np.random.default_rng(seed)

    def __call__(self, n):
        y = self.rng.integers(self.classes, size=n)
        angle = (np.pi * y / self.classes)[:, None, None]
        gy, gx = np.mgrid[:SIDE, :SIDE]
        freq = self.rng.uniform(0.6, 1.2, (n, 1, 1))
        phase = self.rng.uniform(0, 2 * np.pi, (n, 1, 1))
        x = np.sin(freq * (np.cos(angle) * gx + np.sin(angle) * gy) + phase)
        x = x + self.rng.normal(0, 0.3, x.shape)
        return (self.level + self.gain * x)[..., None].astype("float32"), y


def backbone():
    m = keras.Sequential(name="backbone")
    m.add(keras.Input((SIDE, SIDE, 1)))
    for w in (16, 32, 32):
        m.add(layers.Conv2D(w, 3, padding="same", use_bias=False))
        m.add(layers.BatchNormalization(momentum=0.95))
        m.add(layers.ReLU())
        m.add(layers.MaxPooling2D())
    m.add(layers.GlobalAveragePooling2D())
    return m


def compile_it(m, lr):
    m.compile(
        optimizer=keras.optimizers.Adam(lr),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


trunk = backbone()
pre = keras.Sequential([trunk, layers.Dense(6, activation="softmax")])
compile_it(pre, 1e-3)
big = Gratings(6, 0)
pre.fit(*big(1500), validation_data=big(300), epochs=opt.source_epochs)

target = Gratings(4, 1)
train, val = target(400), target(300)
trunk.trainable = False
model = keras.Sequential([trunk, layers.Dense(4, activation="softmax")])
compile_it(model, 1e-2)
model.fit(*train, validation_data=val, epochs=opt.head_epochs)

trunk.trainable = True
for layer in trunk.layers:
    if isinstance(layer, layers.BatchNormalization):
        layer.trainable = False
compile_it(model, 3e-4)
model.fit(*train, validation_data=val, epochs=opt.tune_epochs)
