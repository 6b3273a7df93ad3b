"""Train on the labelled part of a folder."""

import os
import sys

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(18)
PER_CLASS = 15  # labelled so far
EPOCHS = 60
SIZE = (40, 40)


def read(split, limit=None):
    x, y = [], []
    root = os.path.join(sys.argv[1], split)
    for k, name in enumerate(sorted(os.listdir(root))):
        for f in sorted(os.listdir(os.path.join(root, name)))[:limit]:
            img = keras.utils.load_img(os.path.join(root, name, f), target_size=SIZE)
            x.append(keras.utils.img_to_array(img))
            y.append(k)
    return np.array(x) / 255.0, np.array(y)


x_train, y_train = read("train", PER_CLASS)
x_val, y_val = read("validation")

model = keras.Sequential(
    [
        keras.Input(SIZE + (3,)),
        layers.Flatten(),
        layers.Dense(256, activation="relu"),
        layers.Dense(128, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    keras.optimizers.Adam(5e-4),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    x_train,
    y_train,
    epochs=EPOCHS,
    batch_size=15,
    validation_data=(x_val, y_val),
    verbose=2,
)
