"""Keras CNN with the usual callbacks."""

import os
import sys
import tempfile

import keras
from keras import layers
from keras.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

keras.utils.set_random_seed(19)
train = keras.utils.image_dataset_from_directory(
    os.path.join(sys.argv[1], "train"), image_size=(32, 32), batch_size=32, seed=19
)
val = keras.utils.image_dataset_from_directory(
    os.path.join(sys.argv[1], "validation"), image_size=(32, 32), batch_size=32
)

inputs = keras.Input((32, 32, 3))
x = layers.Rescaling(1.0 / 255)(inputs)
x = layers.Conv2D(16, 3, activation="relu", padding="same")(x)
x = layers.MaxPooling2D()(x)
x = layers.Conv2D(32, 3, activation="relu", padding="same")(x)
x = layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, layers.Dense(4, activation="softmax")(x))
model.compile(
    keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
)

out = tempfile.mkdtemp()
callbacks = [
    ModelCheckpoint(
        os.path.join(out, "best.keras"),
        monitor="val_acc",
        mode="max",
        save_best_only=True,
    ),
    EarlyStopping(monitor="val_acc", mode="max", patience=3),
    ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2),
]
model.fit(train, validation_data=val, epochs=5, callbacks=callbacks)
print("files saved:", os.listdir(out))
