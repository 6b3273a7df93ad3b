"""Pretrain a MobileNet stem on drawn colours, transfer it to the fruit folder."""

import colorsys
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.applications.mobilenet import MobileNet, preprocess_input

SIZE = 32
SEED = 88
keras.utils.set_random_seed(SEED)


def hue_discs(n, hues=6):
    """Discs whose hue is the class, 0 to 255."""
    rng = np.random.default_rng(SEED)
    y = rng.integers(hues, size=n)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    x = np.empty((n, SIZE, SIZE, 3), "float32")
    for i, label in enumerate(y):
        hue = (label + rng.uniform(-0.3, 0.3)) / hues
        colour = 255 * np.array(
            colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.6, 1), rng.uniform(0.6, 1))
        )
        r = rng.uniform(6, 12)
        cy, cx = rng.uniform(r, SIZE - r, 2)
        disc = (yy - cy) ** 2 + (xx - cx) ** 2 < r**2
        x[i] = np.where(disc[..., None], colour, rng.uniform(0, 90, 3))
        x[i] += rng.normal(0, 12, x[i].shape)
    return preprocess_input(x.clip(0, 255)), y


def folder(split):
    ds = keras.utils.image_dataset_from_directory(
        str(pathlib.Path(sys.argv[1]) / split),
        image_size=(SIZE, SIZE),
        batch_size=32,
        seed=SEED,
    )
    ds = ds.map(lambda a, b: (preprocess_input(a), b))
    return ds.cache().prefetch(tf.data.AUTOTUNE)


def compile_model(model, rate):
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def main():
    full = MobileNet(
        input_shape=(SIZE, SIZE, 3), alpha=0.25, include_top=False, weights=None
    )
    base = keras.Model(full.input, full.get_layer("conv_pw_3_relu").output, name="stem")
    for layer in base.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.9

    pre = keras.Sequential(
        [base, layers.GlobalAveragePooling2D(), layers.Dense(6, activation="softmax")]
    )
    compile_model(pre, 3e-3)
    x, y = hue_discs(1280)
    pre.fit(x[:1024], y[:1024], validation_data=(x[1024:], y[1024:]), epochs=5)

    train, val = folder("train"), folder("validation")
    base.trainable = False
    inputs = keras.Input((SIZE, SIZE, 3))
    h = base(inputs, training=False)
    h = layers.GlobalAveragePooling2D()(h)
    model = keras.Model(inputs, layers.Dense(4, activation="softmax")(h))
    compile_model(model, 1e-2)
    model.fit(train, validation_data=val, epochs=4)

    base.trainable = True
    for layer in base.layers:
        frozen = layer.name.startswith(("conv1", "conv_dw_1", "conv_pw_1"))
        if frozen or isinstance(layer, layers.BatchNormalization):
            layer.trainable = False
    compile_model(model, 1e-4)
    model.fit(train, validation_data=val, epochs=2)


if __name__ == "__main__":
    main()
