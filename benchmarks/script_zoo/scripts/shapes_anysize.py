"""Fully convolutional shape net, any input size."""

import os
import sys

import keras
from keras import layers
from keras.utils import image_dataset_from_directory

SEED = 3
keras.utils.set_random_seed(SEED)

TRAIN_SIZE = (48, 48)
EVAL_SIZE = (24, 24)


def get_data(root):
    train_ds = image_dataset_from_directory(
        os.path.join(root, "train"), image_size=TRAIN_SIZE, batch_size=24, seed=SEED
    )
    val_ds = image_dataset_from_directory(
        os.path.join(root, "validation"), image_size=EVAL_SIZE, batch_size=24
    )
    return train_ds, val_ds


def block(x, filters):
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    return layers.MaxPooling2D()(x)


def build(num_classes):
    inp = layers.Input((None, None, 3))
    x = layers.Rescaling(1 / 255.0)(inp)
    for f in (16, 32, 64):
        x = block(x, f)
    x = layers.GlobalMaxPooling2D()(x)
    out = layers.Dense(num_classes, activation="softmax")(x)
    return keras.Model(inp, out, name="shape_net")


if __name__ == "__main__":
    train, val = get_data(sys.argv[1])
    net = build(len(train.class_names))
    net.summary()
    net.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    net.fit(train, validation_data=val, epochs=6)
