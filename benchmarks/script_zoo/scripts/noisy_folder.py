"""Shapes from a folder that was labelled by many hands."""

import sys

import keras
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(70)
AUTOTUNE = tf.data.AUTOTUNE
SIZE = (32, 32)


def dataset(split, **options):
    ds = keras.utils.image_dataset_from_directory(
        f"{sys.argv[1]}/{split}", image_size=SIZE, batch_size=24, **options
    )
    return ds.map(lambda x, y: (x / 255.0, y)).cache().prefetch(AUTOTUNE)


train = dataset("train", seed=70)
val = dataset("validation", shuffle=False)


class ShapeNet(keras.Model):
    def __init__(self, classes=3):
        super().__init__()
        self.features = keras.Sequential(
            [
                layers.Conv2D(24, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(48, 3, activation="relu"),
                layers.Flatten(),
            ]
        )
        self.hidden = layers.Dense(128, activation="relu")
        self.classifier = layers.Dense(classes, activation="softmax")

    def call(self, inputs):
        return self.classifier(self.hidden(self.features(inputs)))


model = ShapeNet()
model.compile(
    keras.optimizers.Adam(1e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train, validation_data=val, epochs=14)
