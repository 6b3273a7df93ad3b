"""80/20 split of one folder with image_dataset_from_directory."""

import sys

import keras
from keras import layers

folder = sys.argv[1] + "/train"
image_size = (48, 48)
keras.utils.set_random_seed(123)


def load(subset, seed):
    return keras.utils.image_dataset_from_directory(
        folder,
        validation_split=0.2,
        subset=subset,
        seed=seed,
        image_size=image_size,
        batch_size=24,
    )


train_ds = load("training", seed=123)
val_ds = load("validation", seed=321)


def make_model():
    inputs = keras.Input(shape=image_size + (3,))
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.Conv2D(24, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(48, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


model = make_model()
model.compile(
    optimizer=keras.optimizers.Adam(1.5e-3),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(train_ds, epochs=6, validation_data=val_ds)
