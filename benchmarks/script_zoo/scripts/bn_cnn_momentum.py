"""Orientation classifier, batch norm version."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers


@dataclass
class Config:
    side: int = 28
    classes: int = 5
    batch: int = 32
    epochs: int = 5
    lr: float = 2e-3
    momentum: float = 0.9
    seed: int = 33


def make(cfg, n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(cfg.classes, size=n)
    a = (y * np.pi / cfg.classes)[:, None, None]
    yy, xx = np.mgrid[: cfg.side, : cfg.side]
    wave = rng.uniform(0.5, 1.1, (n, 1, 1)) * (np.cos(a) * xx + np.sin(a) * yy)
    img = np.sin(wave + rng.uniform(0, 6.28, (n, 1, 1)))
    img = 0.5 + 0.25 * img + rng.normal(0, 0.08, img.shape)
    return img[..., None].astype("float32"), y


def build(cfg):
    inputs = keras.Input((cfg.side, cfg.side, 1))
    x = inputs
    for width in (16, 32, 32):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=cfg.momentum)(x)
        x = layers.Activation("relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(cfg.classes, activation="softmax")(x))


def run(cfg):
    keras.utils.set_random_seed(cfg.seed)
    model = build(cfg)
    model.compile(
        optimizer=keras.optimizers.Adam(cfg.lr),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    x, y = make(cfg, 1280, 0)
    return model.fit(
        x,
        y,
        batch_size=cfg.batch,
        epochs=cfg.epochs,
        validation_data=make(cfg, 300, 1),
    )


if __name__ == "__main__":
    run(Config())
