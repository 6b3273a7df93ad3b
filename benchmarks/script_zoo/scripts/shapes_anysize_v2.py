"""Shape net that takes images of any size; trains and validates at 48 pixels."""

import os
import sys

import keras
import tensorflow as tf
from keras import layers

SIZE = (48, 48)
AUTO = tf.data.AUTOTUNE


def datasets(root):
    train_ds = keras.utils.image_dataset_from_directory(
        os.path.join(root, "train"), image_size=SIZE, batch_size=24, seed=11
    )
    val_ds = keras.utils.image_dataset_from_directory(
        os.path.join(root, "validation"), image_size=SIZE, batch_size=24, shuffle=False
    )
    names = train_ds.class_names
    return train_ds.cache().prefetch(AUTO), val_ds.cache().prefetch(AUTO), names


def build(num_classes):
    inp = layers.Input((None, None, 3))
    x = layers.Rescaling(1 / 255.0)(inp)
    for filters in (16, 32, 64):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inp, layers.Dense(num_classes, activation="softmax")(x))


def main():
    keras.utils.set_random_seed(11)
    train, val, names = datasets(sys.argv[1])
    net = build(len(names))
    net.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    net.fit(train, validation_data=val, epochs=6)


if __name__ == "__main__":
    main()
